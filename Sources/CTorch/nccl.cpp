// NCCL through libCTorchCUDA.so, which is loaded at run time: this library is built where there are no CUDA headers.
#include <dlfcn.h>
#include <torch/version.h>

#include <algorithm>
#include <cstring>

#include "process_group.hpp"

using namespace ctorch;

namespace {

using MakeBackend = const char *(const c10::intrusive_ptr<c10d::Store> *store, int32_t rank, int32_t size,
                                 int32_t device, int64_t timeout_milliseconds, c10::intrusive_ptr<c10d::Backend> *out);

std::atomic<MakeBackend *> make_backend{nullptr};

[[noreturn]] void fail(const std::string &reason) { C10_THROW_ERROR(Error, reason); }

void *symbol(void *library, const char *name) {
  void *found = dlsym(library, name);
  if (!found) fail(std::string("it has no ") + name);
  return found;
}

}  // namespace

namespace ctorch {

void end_nccl(ctorch_process_group &group) {
  auto is_cuda = [](c10::Device device) { return device.type() == c10::kCUDA; };
  auto devices = group.value->getDeviceTypes();
  if (std::none_of(devices.begin(), devices.end(), is_cuda)) return;
  auto backend = group.value->getBackend(c10::kCUDA);
  if (backend->getBackendName() != "nccl") return;
  // NCCL's own destructor would wait for peers that may be gone.
  if (group.state->failed) backend->abort();
  else backend->shutdown();
}

}  // namespace ctorch

extern "C" {

ctorch_status ctorch_nccl_load(const char *path) {
  return guard([&] {
    if (make_backend) return;
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library) fail(dlerror());
    auto version = reinterpret_cast<const char *(*)()>(symbol(library, "ctorch_cuda_libtorch_version"))();
    if (std::strcmp(version, TORCH_VERSION) != 0) {
      fail(std::string("it was built for libtorch ") + version + ", this program for " TORCH_VERSION);
    }
    make_backend = reinterpret_cast<MakeBackend *>(symbol(library, "ctorch_cuda_nccl_backend"));
  });
}

ctorch_status ctorch_process_group_use_nccl(ctorch_process_group *group, const ctorch_store *store, int32_t device,
                                            int64_t timeout_milliseconds) {
  return guard([&] {
    if (!make_backend) fail("NCCL was not loaded");
    c10::intrusive_ptr<c10d::Backend> backend;
    const char *reason = make_backend.load()(&store->value, group->value->getRank(), group->value->getSize(), device,
                                             timeout_milliseconds, &backend);
    if (reason) fail(reason);
    group->value->setBackend(c10::kCUDA, c10d::ProcessGroup::BackendType::NCCL, backend);
  });
}

}  // extern "C"
