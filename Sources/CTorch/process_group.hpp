// The handles of distributed training, and what stops all of them once one peer is lost.
#pragma once
#include <atomic>
#include <memory>

#include <torch/csrc/distributed/c10d/ProcessGroup.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "guard.hpp"

struct ctorch_store {
  c10::intrusive_ptr<c10d::Store> value;
};

namespace ctorch {

/// Bytes of tensors that collectives took in, and whether one of them failed. Shared by a group and its reducers.
struct GroupState {
  std::atomic<bool> failed{false};
  std::atomic<int64_t> sent_bytes{0};
};

}  // namespace ctorch

struct ctorch_process_group {
  c10::intrusive_ptr<c10d::ProcessGroup> value;
  std::shared_ptr<ctorch::GroupState> state;

  /// Runs a collective. After a failure none is begun: peers no longer agree on what comes next.
  template <class Body>
  void collective(Body &&body) {
    TORCH_CHECK(!state->failed, "an earlier exchange between the processes failed");
    try {
      body();
    } catch (...) {
      state->failed = true;
      throw;
    }
  }

  int64_t size() const { return value->getSize(); }

  /// What ring all-reduce sends from each process for a tensor of so many bytes.
  int64_t ring_bytes(int64_t bytes) const { return 2 * (size() - 1) * bytes / size(); }
};

namespace ctorch {

/// Ends the exchange of CUDA tensors over NCCL, if the group has it: it does not end by itself.
void end_nccl(ctorch_process_group &group);

}  // namespace ctorch
