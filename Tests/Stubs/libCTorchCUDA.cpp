// Stands in for what Scripts/build-cuda.sh builds: NCCL is found, and then does not connect.
#include <torch/version.h>

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED const char *ctorch_cuda_libtorch_version() { return TORCH_VERSION; }
EXPORTED const char *ctorch_cuda_nccl_backend(...) { return "this is a stand-in"; }
