// Batch normalisation on CUDA devices, out of libtorch's own operations.
#include <ATen/ATen.h>

#include "batch_norm.hpp"

using at::Tensor;

namespace ctorch {

namespace {

/// The gradient of what became `output` by ReLU; the whole gradient where that is undefined.
Tensor masked(const Tensor &gradient, const Tensor &output) {
  return output.defined() ? at::threshold_backward(gradient, output, 0) : gradient;
}

struct CUDABatchNorm final : BatchNorm {
  Tensor sums(const Tensor &input) const override {
    constexpr double epsilon = 1e-5;
    auto [mean, inverse_deviation] = at::batch_norm_stats(input, epsilon);
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
    Tensor output = at::batch_norm_elemt(input, weight, bias, mean, inverse_deviation, /*eps=*/0);
    if (residual.defined()) output.add_(residual);
    if (relu) output.relu_();
    return output;
  }

  GradientSums gradient_sums(const Tensor &gradient, const Tensor &input, const Tensor &output, const Tensor &mean,
                             const Tensor &inverse_deviation) const override {
    auto [sum, product_sum, weight_gradient, bias_gradient] = at::batch_norm_backward_reduce(
        masked(gradient, output), input, mean, inverse_deviation, at::ones_like(mean), /*input_g=*/true,
        /*weight_g=*/true, /*bias_g=*/true);
    return {at::stack({sum, product_sum}).to(at::kDouble), weight_gradient, bias_gradient};
  }

  InputGradients input_gradients(const Tensor &gradient, const Tensor &input, const Tensor &output, const Tensor &mean,
                                 const Tensor &inverse_deviation, const Tensor &weight, const Tensor &sums, double count,
                                 bool wants_residual) const override {
    Tensor dy = masked(gradient, output), totals = sums.to(mean.scalar_type());
    Tensor counts = at::full({1}, count, sums.options().dtype(at::kInt));
    Tensor dx = at::batch_norm_backward_elemt(dy, input, mean, inverse_deviation, weight, totals.select(0, 0),
                                              totals.select(0, 1), counts);
    return {dx, wants_residual ? dy : Tensor()};
  }
};

}  // namespace

const BatchNorm &cuda_batch_norm() {
  static const CUDABatchNorm instance;
  return instance;
}

}  // namespace ctorch
