// NCCL through libCTorchCUDA.so, which is loaded at run time: this library is built where there are no CUDA headers.
#include <dlfcn.h>
#include <torch/version.h>

#include <cstring>
#include <thread>

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
  c10::intrusive_ptr<c10d::Backend> backend = std::move(group.nccl);
  if (!backend) return;
  {
    std::lock_guard<std::mutex> lock(group.state->mutex);
    std::erase(group.state->nccl, backend);
  }
  if (!group.state->failed) return backend->shutdown();
  // Its end would wait for peers that may be gone: it is left to the end of the process.
  [[maybe_unused]] auto *left = new c10::intrusive_ptr<c10d::Backend>(std::move(backend));
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
    // Left out where CUDA's compiler was not at hand.
    using Kernels = const ctorch_batch_norm_kernels *();
    if (auto *kernels = reinterpret_cast<Kernels *>(dlsym(library, "ctorch_cuda_batch_norm_kernels"))) {
      ctorch_batch_norm_use_kernels(kernels());
    }
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
    // Groups pass their own device on to their backends, which would lose theirs.
    group->value->setBoundDeviceId(at::Device(c10::kCUDA, static_cast<c10::DeviceIndex>(device)));
    group->value->setBackend(c10::kCUDA, c10d::ProcessGroup::BackendType::NCCL, backend);
    group->nccl = backend;
    std::lock_guard<std::mutex> lock(group->state->mutex);
    group->state->nccl.push_back(backend);
  });
}

void ctorch_process_group_end_nccl(ctorch_process_group *group) {
  guard([&] { end_nccl(*group); });
}

bool ctorch_process_group_nccl_has_error(const ctorch_process_group *self) {
  bool has_error = false;
  guard([&] {
    std::lock_guard<std::mutex> lock(self->state->mutex);
    for (const auto &backend : self->state->nccl) {
      has_error = has_error || backend->getError() != c10d::ErrorType::SUCCESS;
    }
  });
  return has_error;
}

void ctorch_process_group_abort(ctorch_process_group *self) {
  GroupState &state = *self->state;
  state.failed = true;
  guard([&] {
    // An exchange that is being begun has its communicator in its hands: it is let begin, but one that cannot is not waited
    // for.
    if (state.beginning.try_lock_for(std::chrono::seconds(1))) state.beginning.unlock();
    // Each is aborted once, whoever asks again.
    std::vector<c10::intrusive_ptr<c10d::Backend>> backends;
    {
      std::lock_guard<std::mutex> lock(state.mutex);
      backends.swap(state.nccl);
    }
    // All at once: what frees one communicator may wait for the whole device, and with it for the exchanges of another.
    std::vector<std::thread> threads;
    for (const auto &backend : backends) {
      threads.emplace_back([backend] { guard([&] { backend->abort(); }); });
    }
    for (std::thread &thread : threads) thread.join();
  });
}

}  // extern "C"
