// Stands for libCTorchCUDA.so where there is no GPU: groups over NCCL that connect at once, note what is asked of them, and
// let a test wait as a training thread waits for its device. The ranks of a test are threads of one process.
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/version.h>

#include <chrono>
#include <condition_variable>
#include <map>
#include <mutex>
#include <vector>

#define EXPORTED extern "C" __attribute__((visibility("default")))

namespace {

// Never destroyed, for threads may still wait when the process ends.
std::mutex &mutex = *new std::mutex;
std::condition_variable &changed = *new std::condition_variable;

struct Rank {
  int groups = 0, aborting = 0, device = -1;
  bool hangs = false, failed = false, has_error = false;
};
std::map<int, Rank> &ranks = *new std::map<int, Rank>;

struct StandIn : c10d::Backend {
  using c10d::Backend::Backend;

  const std::string getBackendName() const override { return "nccl"; }

  c10d::ErrorType getError() override {
    std::lock_guard<std::mutex> lock(mutex);
    return ranks[rank_].has_error ? c10d::ErrorType::TIMEOUT : c10d::ErrorType::SUCCESS;
  }

  /// Freeing a communicator waits for the device, which waits for the exchanges of all groups to be aborted.
  void abort() override {
    std::unique_lock<std::mutex> lock(mutex);
    Rank &rank = ranks[rank_];
    ++rank.aborting;
    rank.device = getBoundDeviceId() ? getBoundDeviceId()->index() : -1;
    changed.notify_all();
    changed.wait(lock, [&] { return rank.aborting == rank.groups; });
  }

  void shutdown() override {}
};

}  // namespace

EXPORTED const char *ctorch_cuda_libtorch_version() { return TORCH_VERSION; }

EXPORTED const char *ctorch_cuda_nccl_backend(const c10::intrusive_ptr<c10d::Store> *store, int32_t rank, int32_t size,
                                              int32_t device, int64_t, c10::intrusive_ptr<c10d::Backend> *out) {
  std::unique_lock<std::mutex> lock(mutex);
  // A group of some of the ranks counts them anew: groups of all of them are enough here.
  ranks[rank].groups += 1;
  if (ranks[rank].failed) return "the driver is too old";
  changed.wait(lock, [&] { return !ranks[rank].hangs; });
  auto backend = c10::make_intrusive<StandIn>(rank, size);
  backend->setBoundDeviceId(at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(device)));
  *out = backend;
  // As the watchdog of a group does when an exchange fails.
  auto *prefixed = dynamic_cast<c10d::PrefixStore *>(store->get());
  (prefixed ? prefixed->getUnderlyingNonPrefixStore() : *store)->set("exception_dump", std::vector<uint8_t>{1});
  return nullptr;
}

/// Has the next groups of a rank never connect, or fail to.
EXPORTED void stand_in_hang(int rank) {
  std::lock_guard<std::mutex> lock(mutex);
  ranks[rank].hangs = true;
}
EXPORTED void stand_in_fail(int rank) {
  std::lock_guard<std::mutex> lock(mutex);
  ranks[rank].failed = true;
}

/// As the watchdog of a group notes an exchange that took too long.
EXPORTED void stand_in_noteError(int rank) {
  std::lock_guard<std::mutex> lock(mutex);
  ranks[rank].has_error = true;
}

/// Waits as a training thread does for a device whose exchanges wait for another process: until all were aborted.
EXPORTED void stand_in_wait(int rank) {
  std::unique_lock<std::mutex> lock(mutex);
  changed.wait(lock, [&] { return ranks[rank].aborting == ranks[rank].groups; });
}

/// How many groups of a rank were aborted, and the device that they were bound to.
EXPORTED int stand_in_aborted(int rank) {
  std::lock_guard<std::mutex> lock(mutex);
  return ranks[rank].aborting;
}
EXPORTED int stand_in_device(int rank) {
  std::lock_guard<std::mutex> lock(mutex);
  return ranks[rank].device;
}
