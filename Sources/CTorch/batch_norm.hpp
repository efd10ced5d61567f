// Batch normalization in the parts between which processes exchange sums. Undefined tensors stand for what there is not.
#pragma once
#include <ATen/core/Tensor.h>

namespace ctorch {

/// How a kind of device computes batch normalization of `[N, C, …]`; vectors are `[C]`, sums `[2, C]` in float64.
///
/// Where `output`, what a ReLU made of the normalized input, is defined, a gradient counts as 0 where it is not positive.
struct BatchNorm {
  /// Of each channel, its values' and their squares'.
  virtual at::Tensor sums(const at::Tensor &input) const = 0;

  /// `[3, C]`, float64: mean, 1 / sqrt(variance + epsilon), and the variance with Bessel's correction.
  virtual at::Tensor statistics(const at::Tensor &sums, double count, double epsilon) const = 0;

  /// (input - mean) * inverse_deviation * weight + bias + residual, with `relu` at least 0.
  virtual at::Tensor apply(const at::Tensor &input, const at::Tensor &mean, const at::Tensor &inverse_deviation,
                           const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &residual,
                           bool relu) const = 0;

  struct GradientSums {
    /// Of each channel, its gradients' and their products' with input - mean.
    at::Tensor sums;
    at::Tensor weight_gradient, bias_gradient;
  };
  virtual GradientSums gradient_sums(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                                     const at::Tensor &mean, const at::Tensor &inverse_deviation) const = 0;

  struct InputGradients {
    at::Tensor input, residual;
  };
  /// `sums` are those of all `count` values of a channel.
  virtual InputGradients input_gradients(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                                         const at::Tensor &mean, const at::Tensor &inverse_deviation,
                                         const at::Tensor &weight, const at::Tensor &sums, double count,
                                         bool wants_residual) const = 0;

 protected:
  ~BatchNorm() = default;
};

const BatchNorm &cpu_batch_norm();
/// Out of libtorch's operations.
const BatchNorm &cuda_batch_norm();
/// By kernels of our own where they are loaded, else the one of the device.
const BatchNorm &batch_norm_of(const at::Tensor &values);
/// The one that makes statistics of such sums.
const BatchNorm &batch_norm_of_sums(const at::Tensor &sums);

}  // namespace ctorch
