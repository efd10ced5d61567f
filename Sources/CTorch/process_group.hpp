// The handles of distributed training, and what stops all of them once one peer is lost.
#pragma once
#include <atomic>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "direct_lines.hpp"
#include "guard.hpp"

struct ctorch_store {
  c10::intrusive_ptr<c10d::Store> value;
};

namespace ctorch {

/// Bytes of tensors that collectives took in, and whether one of them failed. Shared by a group, its companions and their
/// reducers.
struct GroupState {
  std::atomic<bool> failed{false};
  std::atomic<int64_t> sent_bytes{0};
  /// Held, by any number of threads, while collectives are begun: none may be while its communicator is taken away.
  std::shared_timed_mutex beginning;
  /// What exchanges tensors on CUDA devices, one for each group that has it.
  std::mutex mutex;
  std::vector<c10::intrusive_ptr<c10d::Backend>> nccl;
};

}  // namespace ctorch

struct ctorch_process_group {
  c10::intrusive_ptr<c10d::ProcessGroup> value;
  std::shared_ptr<ctorch::GroupState> state;
  /// What exchanges tensors on CUDA devices; undefined where Gloo does.
  c10::intrusive_ptr<c10d::Backend> nccl = {};
  /// What carries small tensors on the CPU; null in large groups. Reducers keep a copy of all this.
  std::shared_ptr<ctorch::DirectLines> lines = nullptr;

  /// Runs a collective. After a failure none is begun: peers no longer agree on what comes next.
  template <class Body>
  void collective(Body &&body) {
    std::shared_lock<std::shared_timed_mutex> lock(state->beginning);
    TORCH_CHECK(!state->failed, "an earlier exchange between the processes failed");
    try {
      body();
    } catch (...) {
      state->failed = true;
      throw;
    }
  }

  int64_t size() const { return value->getSize(); }

  /// What a ring all-reduce sends from each process for a tensor of so many bytes.
  int64_t ring_bytes(int64_t bytes) const { return 2 * (size() - 1) * bytes / size(); }

  /// Processes that are so few that each is connected with every other.
  static constexpr int64_t most_direct_processes = 8;

  /// Whether a tensor is so small, and the processes so few, that each had better send it to every other: a collective
  /// of Gloo's goes through a thread of its own and around a ring, which takes several times as long as the message.
  static bool sends_directly(int64_t processes, int64_t bytes, bool on_cpu) {
    constexpr int64_t most_bytes = 32768;
    return on_cpu && bytes <= most_bytes && processes <= most_direct_processes;
  }
};

namespace ctorch {

/// Ends the exchange of CUDA tensors over NCCL, if the group has it: it does not end by itself.
void end_nccl(ctorch_process_group &group);

}  // namespace ctorch
