// Stands in for NVIDIA's management library; the driver's number is SIMCLR_STUB_RELEASE.
#include <cstdio>
#include <cstdlib>

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED int nvmlInit_v2() { return 0; }
EXPORTED int nvmlShutdown() { return 0; }
EXPORTED int nvmlSystemGetDriverVersion(char *text, unsigned size) {
  const char *release = std::getenv("SIMCLR_STUB_RELEASE");
  std::snprintf(text, size, "%s", release ? release : "580.65.06");
  return 0;
}
