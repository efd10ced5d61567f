// Batch normalization with ReLU and a residual, one pass over memory each way; see batch_norm_kernels.h for what is
// computed.
#pragma once
#include "../CTorch/batch_norm_kernels.h"
#include "grid.hpp"

namespace kernels {

/// Where work goes: a stream of a device with so many multiprocessors. They decide how sums are cut into parts, so that
/// equal bits are promised on one kind of card, not across kinds.
struct Queue {
  Stream stream;
  int processors;
};

int64_t batch_norm_scratch_bytes(const ctorch_rows &rows, const Queue &queue);
const char *batch_norm_sums(const ctorch_rows &rows, const Queue &queue, const void *input, void *scratch,
                            double *sums);
const char *batch_norm_statistics(int64_t channels, const Queue &queue, const double *sums, double count,
                                  double epsilon, double *statistics);
const char *batch_norm_apply(const ctorch_rows &rows, const Queue &queue, const void *input, const void *residual,
                             const float *mean, const float *inverse_deviation, const float *weight, const float *bias,
                             bool relu, void *output);
const char *batch_norm_gradient_sums(const ctorch_rows &rows, const Queue &queue, const void *gradient,
                                     const void *input, const void *output, const float *mean,
                                     const float *inverse_deviation, void *scratch, double *sums,
                                     float *weight_gradient, float *bias_gradient);
const char *batch_norm_input_gradient(const ctorch_rows &rows, const Queue &queue, const void *gradient,
                                      const void *input, const void *output, const float *mean,
                                      const float *inverse_deviation, const float *weight, const double *sums,
                                      double count, void *input_gradient, void *residual_gradient);

}  // namespace kernels
