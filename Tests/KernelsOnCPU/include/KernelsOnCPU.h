// The kernels of Sources/CTorchCUDA compiled for the CPU: the same bodies, with loops in place of CUDA's grid.
#pragma once
#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ctorch_batch_norm_kernels;
/// Kernels for tensors on the CPU, spread as on a card of so many multiprocessors. One table, which every call changes.
const struct ctorch_batch_norm_kernels *kernels_on_cpu(int32_t processors);

/// How often each function of the table was called since the last `kernels_on_cpu`.
typedef struct {
  int32_t sums, statistics, apply, gradient_sums, input_gradient;
} kernel_calls;
kernel_calls kernels_on_cpu_calls(void);

/// How far what CTorch makes of libtorch's operations for CUDA is from libtorch's own layer and its gradients, in
/// float64: the largest difference of any element, beside the largest element. The operations are stood in for on the
/// CPU by the definitions in libtorch's documentation, and the batch is cut among `processes`, whose sums are added.
typedef struct {
  double output, running_variance, input_gradient, residual_gradient, weight_gradient, bias_gradient;
} batch_norm_differences;
batch_norm_differences cuda_operations_beside_libtorch(const int64_t *shape, int32_t rank, int32_t processes,
                                                       bool adds_residual, bool relu);

#ifdef __cplusplus
}
#endif
