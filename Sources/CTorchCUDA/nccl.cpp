// What needs the headers of CUDA and NCCL: a library of its own that CTorch loads at run time, where there is a GPU to
// use it with. Scripts/build-cuda.sh builds it.
//
// Both sides are compiled against one libtorch and pass its objects by pointer; `ctorch_cuda_libtorch_version` is how
// CTorch confirms that.
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>
#include <torch/version.h>

#include <exception>
#include <string>

#define EXPORTED extern "C" __attribute__((visibility("default")))

EXPORTED const char *ctorch_cuda_libtorch_version() { return TORCH_VERSION; }

/// Connects to the other ranks over NCCL and puts the backend into `*out`.
///
/// Returns NULL, or why it failed: text that lasts until the next call on this thread.
EXPORTED const char *ctorch_cuda_nccl_backend(const c10::intrusive_ptr<c10d::Store> *store, int32_t rank, int32_t size,
                                              int32_t device, int64_t timeout_milliseconds,
                                              c10::intrusive_ptr<c10d::Backend> *out) {
  thread_local std::string reason;
  try {
    // NCCL binds a communicator to the device that is current when it is made, not to the one its tensors lie on.
    c10::cuda::set_device(static_cast<c10::DeviceIndex>(device));
    auto options = c10d::ProcessGroupNCCL::Options::create();
    options->timeout = std::chrono::milliseconds(timeout_milliseconds);
    auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(*store, rank, size, options);
    backend->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    // Now rather than in the first exchange, so that what is wrong with the network shows where it is reported well.
    backend->eagerConnectSingleDevice(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
    *out = backend;
    return nullptr;
  } catch (const c10::Error &error) {
    reason = error.what_without_backtrace();
  } catch (const std::exception &error) {
    reason = error.what();
  } catch (...) {
    reason = "unknown error";
  }
  return reason.c_str();
}
