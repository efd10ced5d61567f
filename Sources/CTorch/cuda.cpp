// The CUDA part of libtorch, which is loaded at run time, and what NVIDIA's driver says of its devices. Neither needs
// CUDA's headers.
#include <ATen/Context.h>
#include <ATen/DeviceAccelerator.h>
#include <dlfcn.h>

#include <cstdio>
#include <cstring>

#include "guard.hpp"

using namespace ctorch;

namespace {

[[noreturn]] void fail(const std::string &reason) { C10_THROW_ERROR(Error, reason); }

template <class Function>
Function *symbol(void *library, const char *name) {
  return library ? reinterpret_cast<Function *>(dlsym(library, name)) : nullptr;
}

/// A library, or why there is none.
struct Library {
  void *handle = nullptr;
  std::string obstacle;

  Library(const char *name, int scope) : handle(dlopen(name, RTLD_NOW | scope)) {
    if (!handle) obstacle = dlerror();
  }
};

const Library &driver() {
  static const Library library("libcuda.so.1", RTLD_LOCAL);
  return library;
}

/// Loading registers the CUDA back end with the library that is already here.
const Library &cuda_of_libtorch() {
  static const Library library("libtorch_cuda.so", RTLD_GLOBAL);
  return library;
}

// MARK: The driver's interface, as far as it is used. Names and numbers are those of cuda.h.

using Result = int;
using Ordinal = int;

enum Attribute { computeCapabilityMajor = 75, computeCapabilityMinor = 76 };

template <class Function>
Function *driver_function(const char *name) {
  auto found = symbol<Function>(driver().handle, name);
  if (!found) fail(std::string("the NVIDIA driver has no ") + name);
  return found;
}

/// `what` is what was tried, in words.
void confirm(Result result, const std::string &what) {
  if (result == 0) return;
  const char *words = nullptr;
  if (auto explain = symbol<Result(Result, const char **)>(driver().handle, "cuGetErrorString")) explain(result, &words);
  fail(what + ": " + (words ? words : "unknown error") + " (CUDA error " + std::to_string(result) + ")");
}

void start_driver() {
  if (!driver().handle) fail(driver().obstacle);
  static const Result result = driver_function<Result(unsigned)>("cuInit")(0);
  confirm(result, "the NVIDIA driver does not start");
}

/// A GPU's own number; that of a part of it, where it is divided (MIG).
std::string unique_name(Ordinal device) {
  struct {
    unsigned char bytes[16];
  } id{};
  for (const char *name : {"cuDeviceGetUuid_v2", "cuDeviceGetUuid"}) {
    auto get = symbol<Result(decltype(id) *, Ordinal)>(driver().handle, name);
    if (!get || get(&id, device) != 0) continue;
    std::string text;
    for (int i = 0; i < 16; ++i) {
      char digits[4];
      std::snprintf(digits, sizeof digits, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", id.bytes[i]);
      text += digits;
    }
    return text;
  }
  return "";
}

}  // namespace

namespace ctorch {

void load_cuda() {
  static const bool done = [] {
    // libtorch decides once, when it is first asked, whether there is CUDA; who comes later is not seen.
    if (driver().handle) cuda_of_libtorch();
    // libtorch would let cuDNN round the operands of float32 convolutions to TF32.
    at::globalContext().setAllowTF32CuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    return true;
  }();
  (void)done;
}

}  // namespace ctorch

extern "C" {

ctorch_status ctorch_cuda_load(void) {
  return guard([] {
    if (!driver().handle) fail(driver().obstacle);
    if (!cuda_of_libtorch().handle) fail(cuda_of_libtorch().obstacle);
  });
}

int32_t ctorch_cuda_runtime_version(void) {
  load_cuda();
  return at::globalContext().hasCUDART() ? static_cast<int32_t>(at::globalContext().versionCUDART()) : 0;
}

int32_t ctorch_cuda_device_count(void) {
  load_cuda();
  return at::hasCUDA() ? static_cast<int32_t>(at::getNumGPUs()) : 0;
}

ctorch_status ctorch_cuda_synchronize(int32_t device) {
  return guard([&] { at::accelerator::synchronizeDevice(static_cast<c10::DeviceIndex>(device)); });
}

ctorch_status ctorch_cuda_set_device(int32_t device) {
  return guard([&] { at::accelerator::setDeviceIndex(static_cast<c10::DeviceIndex>(device)); });
}

ctorch_status ctorch_cuda_driver_version(int32_t *out) {
  return guard([&] {
    if (!driver().handle) fail(driver().obstacle);
    confirm(driver_function<Result(int *)>("cuDriverGetVersion")(out), "the NVIDIA driver does not tell its version");
  });
}

ctorch_status ctorch_cuda_driver_device_count(int32_t *out) {
  return guard([&] {
    start_driver();
    confirm(driver_function<Result(int *)>("cuDeviceGetCount")(out), "the NVIDIA driver does not count its devices");
  });
}

ctorch_status ctorch_cuda_driver_device(int32_t number, ctorch_cuda_device *out) {
  return guard([&] {
    start_driver();
    const std::string what = "the NVIDIA driver does not describe device " + std::to_string(number);
    Ordinal device = 0;
    confirm(driver_function<Result(Ordinal *, int)>("cuDeviceGet")(&device, number), what);
    *out = {};
    confirm(driver_function<Result(char *, int, Ordinal)>("cuDeviceGetName")(out->name, sizeof out->name, device), what);
    auto attribute = driver_function<Result(int *, int, Ordinal)>("cuDeviceGetAttribute");
    confirm(attribute(&out->capability_major, computeCapabilityMajor, device), what);
    confirm(attribute(&out->capability_minor, computeCapabilityMinor, device), what);
    size_t bytes = 0;
    confirm(driver_function<Result(size_t *, Ordinal)>("cuDeviceTotalMem_v2")(&bytes, device), what);
    out->memory_bytes = static_cast<int64_t>(bytes);
    confirm(driver_function<Result(char *, int, Ordinal)>("cuDeviceGetPCIBusId")(out->pci_bus_id,
                                                                               sizeof out->pci_bus_id, device),
            what);
    std::snprintf(out->uuid, sizeof out->uuid, "%s", unique_name(device).c_str());
  });
}

const char *ctorch_cuda_driver_release(void) {
  static const std::string release = []() -> std::string {
    Library management("libnvidia-ml.so.1", RTLD_LOCAL);
    auto start = symbol<int()>(management.handle, "nvmlInit_v2"), stop = symbol<int()>(management.handle, "nvmlShutdown");
    auto version = symbol<int(char *, unsigned)>(management.handle, "nvmlSystemGetDriverVersion");
    if (!start || !version || start() != 0) return "";
    char text[80] = "";
    if (version(text, sizeof text) != 0) text[0] = 0;
    if (stop) stop();
    return text;
  }();
  return release.c_str();
}

int32_t ctorch_nccl_version(void) {
  load_cuda();
  static const Library library("libnccl.so.2", RTLD_LOCAL);
  auto get = symbol<int(int *)>(library.handle, "ncclGetVersion");
  int version = 0;
  return get && get(&version) == 0 ? version : 0;
}

ctorch_status ctorch_set_allows_tf32(bool allows) {
  return guard([&] { at::globalContext().setAllowTF32CuDNN(allows); });
}

ctorch_status ctorch_allows_tf32(bool *convolutions, bool *products) {
  return guard([&] {
    *convolutions = at::globalContext().allowTF32CuDNN();
    *products = at::globalContext().allowTF32CuBLAS();
  });
}

}  // extern "C"
