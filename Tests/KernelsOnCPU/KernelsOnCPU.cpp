#include "KernelsOnCPU.h"

#include <atomic>

#include "../../Sources/CTorchCUDA/batch_norm.cu"

namespace {

kernels::Queue queue{nullptr, 1};

/// Ranks may be threads of one process.
struct {
  std::atomic<int32_t> sums, statistics, apply, gradient_sums, input_gradient;
} calls;

int64_t scratch_bytes(const ctorch_rows *rows) { return kernels::batch_norm_scratch_bytes(*rows, queue); }

const char *sums(const ctorch_rows *rows, const void *input, void *scratch, double *sums) {
  ++calls.sums;
  return kernels::batch_norm_sums(*rows, queue, input, scratch, sums);
}

const char *statistics(int32_t, int64_t channels, const double *sums, double count, double epsilon,
                       double *statistics) {
  ++calls.statistics;
  return kernels::batch_norm_statistics(channels, queue, sums, count, epsilon, statistics);
}

const char *apply(const ctorch_rows *rows, const void *input, const void *residual, const float *mean,
                  const float *inverse_deviation, const float *weight, const float *bias, bool relu, void *output) {
  ++calls.apply;
  return kernels::batch_norm_apply(*rows, queue, input, residual, mean, inverse_deviation, weight, bias, relu, output);
}

const char *gradient_sums(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                          const float *mean, const float *inverse_deviation, void *scratch, double *sums,
                          float *weight_gradient, float *bias_gradient) {
  ++calls.gradient_sums;
  return kernels::batch_norm_gradient_sums(*rows, queue, gradient, input, output, mean, inverse_deviation, scratch,
                                           sums, weight_gradient, bias_gradient);
}

const char *input_gradient(const ctorch_rows *rows, const void *gradient, const void *input, const void *output,
                           const float *mean, const float *inverse_deviation, const float *weight, const double *sums,
                           double count, void *input_gradient, void *residual_gradient) {
  ++calls.input_gradient;
  return kernels::batch_norm_input_gradient(*rows, queue, gradient, input, output, mean, inverse_deviation, weight,
                                            sums, count, input_gradient, residual_gradient);
}

}  // namespace

const ctorch_batch_norm_kernels *kernels_on_cpu(int32_t processors) {
  constexpr int32_t cpu = 0;
  static const ctorch_batch_norm_kernels table{cpu,   scratch_bytes, sums,          statistics,
                                               apply, gradient_sums, input_gradient};
  queue.processors = processors;
  for (auto *count : {&calls.sums, &calls.statistics, &calls.apply, &calls.gradient_sums, &calls.input_gradient}) {
    *count = 0;
  }
  return &table;
}

kernel_calls kernels_on_cpu_calls(void) {
  return {calls.sums, calls.statistics, calls.apply, calls.gradient_sums, calls.input_gradient};
}
