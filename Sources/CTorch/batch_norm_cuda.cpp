// Batch normalization on CUDA devices, out of libtorch's own operations.
#include <ATen/ATen.h>

#include <cmath>

#include "batch_norm.hpp"

using at::Tensor;

namespace ctorch {

namespace {

/// Vectors, or images with the channels of a place side by side. libtorch's operations choose their kernels by the
/// layout of one tensor and read the others as if they had it too.
Tensor as_rows(const Tensor &values) {
  return values.contiguous(values.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

/// The gradient of what became `output` by ReLU, laid out like its rows and of their type; the whole gradient where
/// there is no output.
Tensor masked(const Tensor &gradient, const Tensor &output, const Tensor &rows) {
  const Tensor dy = as_rows(gradient.to(rows.scalar_type()));
  return output.defined() ? at::threshold_backward(dy, as_rows(output), 0) : dy;
}

/// The number of values as the operation wants it, in int32 that are added up: there may be more than one of them
/// holds.
Tensor as_counts(double count, const Tensor &beside) {
  constexpr double most = 1 << 30;
  const auto parts = static_cast<int64_t>(std::ceil(count / most));
  return at::full({parts}, count / static_cast<double>(parts), beside.options().dtype(at::kInt));
}

struct CUDABatchNorm final : BatchNorm {
  Tensor sums(const Tensor &input) const override {
    constexpr double epsilon = 1e-5;
    auto [mean, inverse_deviation] = at::batch_norm_stats(as_rows(input), epsilon);
    double count = static_cast<double>(input.numel() / input.size(1));
    Tensor center = mean.to(at::kDouble);
    Tensor variance = (inverse_deviation.to(at::kDouble).pow(-2) - epsilon).clamp_min(0);
    return at::stack({center, variance + center * center}) * count;
  }

  Tensor statistics(const Tensor &sums, double count, double epsilon) const override {
    Tensor moments = sums / count, mean = moments.select(0, 0);
    Tensor variance = (moments.select(0, 1) - mean * mean).clamp_min(0);
    return at::stack({mean, (variance + epsilon).rsqrt(), variance * (count / std::max(count - 1, 1.0))});
  }

  Tensor apply(const Tensor &input, const Tensor &mean, const Tensor &inverse_deviation, const Tensor &weight,
               const Tensor &bias, const Tensor &residual, bool relu) const override {
    // Epsilon is in the inverse deviation, and not used where that is given.
    Tensor output = at::batch_norm_elemt(as_rows(input), weight, bias, mean, inverse_deviation, /*eps=*/0);
    if (residual.defined()) output.add_(residual);
    if (relu) output.relu_();
    return output;
  }

  GradientSums gradient_sums(const Tensor &gradient, const Tensor &input, const Tensor &output, const Tensor &mean,
                             const Tensor &inverse_deviation) const override {
    const Tensor x = as_rows(input);
    // The weight is asked for its type alone.
    auto [sum, product_sum, weight_gradient, bias_gradient] = at::batch_norm_backward_reduce(
        masked(gradient, output, x), x, mean, inverse_deviation, mean, /*input_g=*/true, /*weight_g=*/true,
        /*bias_g=*/true);
    return {at::stack({sum, product_sum}).to(at::kDouble), weight_gradient, bias_gradient};
  }

  InputGradients input_gradients(const Tensor &gradient, const Tensor &input, const Tensor &output, const Tensor &mean,
                                 const Tensor &inverse_deviation, const Tensor &weight, const Tensor &sums, double count,
                                 bool wants_residual) const override {
    const Tensor x = as_rows(input), dy = masked(gradient, output, x), totals = sums.to(mean.scalar_type());
    Tensor dx = at::batch_norm_backward_elemt(dy, x, mean, inverse_deviation, weight, totals.select(0, 0),
                                              totals.select(0, 1), as_counts(count, sums));
    return {dx, wants_residual ? dy : Tensor()};
  }
};

}  // namespace

const BatchNorm &cuda_batch_norm() {
  static const CUDABatchNorm instance;
  return instance;
}

}  // namespace ctorch
