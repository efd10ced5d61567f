// Gradients summed over processes, bucket by bucket, while the backward pass goes on: c10d's Reducer.
#include <ATen/ATen.h>

#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/distributed/c10d/comm.hpp>
#include <torch/csrc/distributed/c10d/reducer.hpp>

#include <chrono>

#include "process_group.hpp"

using namespace ctorch;

namespace {

using Clock = std::chrono::steady_clock;

/// When the last bucket was handed over: what a backward pass takes after that, it waits for other processes.
struct ReductionTimes {
  std::atomic<Clock::rep> last_launch{0};
};

/// Sums a bucket over all processes. c10d's own hooks divide by their number, which has no meaning here: every process
/// computes its part of one loss, so the gradients are parts of one sum.
struct SumHook : c10d::CommHookInterface {
  ctorch_process_group group;
  bool compresses;
  std::shared_ptr<ReductionTimes> times;

  SumHook(const ctorch_process_group &group, bool compresses, std::shared_ptr<ReductionTimes> times)
      : group(group), compresses(compresses), times(std::move(times)) {}

  c10::intrusive_ptr<c10::ivalue::Future> runHook(c10d::GradBucket &bucket) override {
    at::Tensor sum = bucket.getBufferRef();
    std::vector<at::Tensor> sent{compresses ? sum.to(at::kBFloat16) : sum};
    c10::intrusive_ptr<c10d::Work> work;
    group.collective([&] { work = group.value->allreduce(sent); });
    group.state->sent_bytes += group.ring_bytes(static_cast<int64_t>(sent[0].nbytes()));
    times->last_launch = Clock::now().time_since_epoch().count();
    return work->getFuture()->then(
        [sum, sent, compresses = compresses, state = group.state](c10::ivalue::Future &done) {
          if (done.hasError()) {
            state->failed = true;
            std::rethrow_exception(done.exception_ptr());
          }
          if (compresses) sum.copy_(sent[0]);
          return c10::IValue(sum);
        },
        c10::TensorType::get());
  }

  at::Tensor parseHookResult(const c10::IValue &result) override { return result.toTensor(); }
};

/// c10d's Reducer with buckets that stay as they were given. Left to itself it notes down every gradient of every step for
/// buckets in the order of arrival, and forgets that list only when it makes them.
struct FixedBuckets : c10d::Reducer {
  template <class... Arguments>
  explicit FixedBuckets(Arguments &&...arguments) : c10d::Reducer(std::forward<Arguments>(arguments)...) {
    has_rebuilt_bucket_ = true;
  }
};

}  // namespace

struct ctorch_reducer {
  std::unique_ptr<FixedBuckets> value;
  ctorch_process_group group;
  std::shared_ptr<ReductionTimes> times;
};

extern "C" {

ctorch_status ctorch_reducer_create(const ctorch_process_group *group, const ctorch_tensor *const *parameters,
                                    const char *const *names, int32_t count, int64_t bucket_bytes,
                                    int64_t first_bucket_bytes, bool finds_unused, bool compresses,
                                    ctorch_reducer **out) {
  return guard([&] {
    std::vector<at::Tensor> tensors = values(parameters, count);
    // Gradients arrive from the last parameter to the first. The order stays: c10d would sort buckets anew after the
    // first step, which for three processes and more changes the order of additions, and with it the bits of a run that
    // was resumed.
    std::vector<at::Tensor> arriving(tensors.rbegin(), tensors.rend());
    auto buckets = std::get<0>(c10d::compute_bucket_assignment_by_size(
        arriving, {static_cast<size_t>(first_bucket_bytes), static_cast<size_t>(bucket_bytes)}));
    for (auto &bucket : buckets) {
      for (size_t &index : bucket) index = tensors.size() - 1 - index;
    }
    std::unordered_map<size_t, std::string> name_of;
    for (int32_t i = 0; i < count; ++i) name_of[i] = names[i];
    auto times = std::make_shared<ReductionTimes>();
    auto reducer = std::make_unique<FixedBuckets>(
        tensors, buckets, group->value, std::vector<bool>(tensors.size(), false), bucket_bytes, finds_unused,
        /*gradient_as_bucket_view=*/true, name_of, first_bucket_bytes, /*skip_all_reduce_unused_params=*/false,
        /*use_python_reducer=*/false, std::vector<int64_t>());
    reducer->register_comm_hook(std::make_unique<SumHook>(*group, compresses, times));
    *out = new ctorch_reducer{std::move(reducer), *group, times};
  });
}

void ctorch_reducer_free(ctorch_reducer *reducer) { delete reducer; }

ctorch_status ctorch_reducer_backward(ctorch_reducer *self, const ctorch_tensor *output,
                                      const ctorch_tensor *gradient, double *waited_seconds) {
  return guard([&] {
    self->value->prepare_for_forward();
    self->value->prepare_for_backward({output->value});
    self->times->last_launch = Clock::now().time_since_epoch().count();
    torch::autograd::backward({output->value}, gradient ? torch::autograd::variable_list{gradient->value}
                                                        : torch::autograd::variable_list{});
    Clock::duration waited(Clock::now().time_since_epoch().count() - self->times->last_launch);
    *waited_seconds = std::chrono::duration<double>(waited).count();
  });
}

}  // extern "C"
