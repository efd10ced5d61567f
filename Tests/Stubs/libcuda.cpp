// Stands in for NVIDIA's driver, with the GPUs that SIMCLR_STUB_GPUS lists: `name,major,minor,mebibytes,bus` each,
// separated by semicolons. SIMCLR_STUB_CUDA is the newest CUDA that it is for.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

constexpr int success = 0, no_device = 100, invalid_device = 101;

struct GPU {
  std::string name, bus;
  int major = 0, minor = 0;
  size_t mebibytes = 0;
};

const std::vector<GPU> &gpus() {
  static const std::vector<GPU> all = [] {
    std::vector<GPU> found;
    const char *text = std::getenv("SIMCLR_STUB_GPUS");
    std::istringstream list(text ? text : "");
    for (std::string entry; std::getline(list, entry, ';');) {
      std::istringstream fields(entry);
      GPU gpu;
      std::string number;
      std::getline(fields, gpu.name, ',');
      std::getline(fields, number, ',');
      gpu.major = std::atoi(number.c_str());
      std::getline(fields, number, ',');
      gpu.minor = std::atoi(number.c_str());
      std::getline(fields, number, ',');
      gpu.mebibytes = static_cast<size_t>(std::atoll(number.c_str()));
      std::getline(fields, gpu.bus, ',');
      found.push_back(gpu);
    }
    return found;
  }();
  return all;
}

bool is_started = false;

bool has(int device) { return is_started && device >= 0 && static_cast<size_t>(device) < gpus().size(); }

int copy(const std::string &text, char *out, int size) {
  std::snprintf(out, static_cast<size_t>(size), "%s", text.c_str());
  return success;
}

}  // namespace

EXPORTED int cuInit(unsigned) {
  if (gpus().empty()) return no_device;
  is_started = true;
  return success;
}

EXPORTED int cuDriverGetVersion(int *version) {
  const char *text = std::getenv("SIMCLR_STUB_CUDA");
  *version = text ? std::atoi(text) : 13000;
  return success;
}

EXPORTED int cuGetErrorString(int error, const char **text) {
  *text = error == no_device ? "no CUDA-capable device is detected" : "another error";
  return success;
}

EXPORTED int cuDeviceGetCount(int *count) {
  *count = static_cast<int>(gpus().size());
  return is_started ? success : no_device;
}

EXPORTED int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal;
  return has(ordinal) ? success : invalid_device;
}

EXPORTED int cuDeviceGetName(char *name, int size, int device) {
  return has(device) ? copy(gpus()[device].name, name, size) : invalid_device;
}

EXPORTED int cuDeviceGetAttribute(int *value, int attribute, int device) {
  if (!has(device) || (attribute != 75 && attribute != 76)) return invalid_device;
  *value = attribute == 75 ? gpus()[device].major : gpus()[device].minor;
  return success;
}

EXPORTED int cuDeviceTotalMem_v2(size_t *bytes, int device) {
  if (!has(device)) return invalid_device;
  *bytes = gpus()[device].mebibytes << 20;
  return success;
}

EXPORTED int cuDeviceGetPCIBusId(char *bus, int size, int device) {
  return has(device) ? copy(gpus()[device].bus, bus, size) : invalid_device;
}

EXPORTED int cuDeviceGetUuid_v2(void *id, int device) {
  if (!has(device)) return invalid_device;
  for (int i = 0; i < 16; ++i) static_cast<unsigned char *>(id)[i] = static_cast<unsigned char>(16 * device + i);
  return success;
}
