// Stands in for the CUDA part of libtorch: registers hooks as the real one does when it is loaded, and sees the GPUs of
// the driver's stand-in. It cannot compute.
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>

namespace at {

struct CUDAHooks : CUDAHooksInterface {
  explicit CUDAHooks(CUDAHooksArgs) {}

  bool hasCUDA() const override { return deviceCount() > 0; }
  bool hasCUDART() const override { return true; }
  long versionCUDART() const override { return 13000; }

  DeviceIndex deviceCount() const override {
    void *driver = dlopen("libcuda.so.1", RTLD_NOW);
    auto start = reinterpret_cast<int (*)(unsigned)>(dlsym(driver, "cuInit"));
    auto get = reinterpret_cast<int (*)(int *)>(dlsym(driver, "cuDeviceGetCount"));
    int count = 0;
    return static_cast<DeviceIndex>(start(0) == 0 && get(&count) == 0 ? count : 0);
  }

  std::string showConfig() const override {
    return "  - NVCC architecture flags: -gencode;arch=compute_75,code=sm_75;-gencode;arch=compute_80,code=sm_80;"
           "-gencode;arch=compute_90,code=sm_90\n";
  }
};

REGISTER_CUDA_HOOKS(CUDAHooks)

}  // namespace at
