// Stands in for what Scripts/build-cuda.sh builds: NCCL is found, and then does not connect; with SIMCLR_STUB_KERNELS there
// are kernels, for a device that nothing lies on.
#include <torch/version.h>

#include <cstdlib>

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED const char *ctorch_cuda_libtorch_version() { return TORCH_VERSION; }
EXPORTED const char *ctorch_cuda_nccl_backend(...) { return "this is a stand-in"; }
EXPORTED const void *ctorch_cuda_batch_norm_kernels() {
  static const int table[16] = {-1};
  return std::getenv("SIMCLR_STUB_KERNELS") ? table : nullptr;
}
