// libtorch has the parts of SyncBatchNorm for CUDA alone. Here they are for the CPU as well, each by its definition, so
// that what CTorch makes of them can be computed without a GPU.
#include <ATen/ATen.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/library.h>

#include <vector>

#include "../../Sources/CTorch/batch_norm.hpp"
#include "KernelsOnCPU.h"

namespace {

using at::Tensor;
using MaybeTensor = std::optional<Tensor>;

std::vector<int64_t> all_but_channels(const Tensor &x) {
  std::vector<int64_t> dimensions{0};
  for (int64_t d = 2; d < x.dim(); ++d) dimensions.push_back(d);
  return dimensions;
}

/// `[C]` as something to compute with `[N, C, …]`.
Tensor spread(const Tensor &values, const Tensor &x) {
  std::vector<int64_t> shape(x.dim(), 1);
  shape[1] = -1;
  return values.view(shape);
}

Tensor spread_or(double otherwise, const MaybeTensor &values, const Tensor &x) {
  return values && values->defined() ? spread(*values, x) : at::full({}, otherwise, x.options());
}

std::tuple<Tensor, Tensor> stats(const Tensor &x, double epsilon) {
  auto dimensions = all_but_channels(x);
  return {x.mean(dimensions), (x.var(dimensions, /*unbiased=*/false) + epsilon).rsqrt()};
}

Tensor elemt(const Tensor &x, const MaybeTensor &weight, const MaybeTensor &bias, const Tensor &mean,
             const Tensor &inverse_deviation, double) {
  return (x - spread(mean, x)) * spread(inverse_deviation, x) * spread_or(1, weight, x) + spread_or(0, bias, x);
}

std::tuple<Tensor, Tensor, Tensor, Tensor> backward_reduce(const Tensor &dy, const Tensor &x, const Tensor &mean,
                                                           const Tensor &inverse_deviation, const MaybeTensor &, bool,
                                                           bool, bool) {
  auto dimensions = all_but_channels(x);
  Tensor sum = dy.sum(dimensions), product_sum = (dy * (x - spread(mean, x))).sum(dimensions);
  return {sum, product_sum, product_sum * inverse_deviation, sum.clone()};
}

Tensor backward_elemt(const Tensor &dy, const Tensor &x, const Tensor &mean, const Tensor &inverse_deviation,
                      const MaybeTensor &weight, const Tensor &sum, const Tensor &product_sum, const Tensor &counts) {
  TORCH_CHECK(counts.scalar_type() == at::kInt, "the counts are read as int32");
  Tensor inverse = spread(inverse_deviation, x), count = counts.sum(at::kDouble);
  Tensor along = (x - spread(mean, x)) * inverse * inverse * spread(product_sum / count, x);
  return (dy - spread(sum / count, x) - along) * inverse * spread_or(1, weight, x);
}

TORCH_LIBRARY_IMPL(aten, CPU, library) {
  library.impl("batch_norm_stats", stats);
  library.impl("batch_norm_elemt", elemt);
  library.impl("batch_norm_backward_reduce", backward_reduce);
  library.impl("batch_norm_backward_elemt", backward_elemt);
}

double difference(const Tensor &ours, const Tensor &theirs) {
  return ((ours - theirs).abs().max() / theirs.abs().max()).item().toDouble();
}

}  // namespace

batch_norm_differences cuda_operations_beside_libtorch(const int64_t *shape, int32_t rank, int32_t processes,
                                                       bool adds_residual, bool relu) {
  constexpr double epsilon = 1e-5;
  const at::IntArrayRef sizes(shape, static_cast<size_t>(rank));
  auto drawn = [&](at::IntArrayRef sizes) { return at::randn(sizes, at::kDouble); };
  auto leaf = [&](const Tensor &values) { return values.clone().requires_grad_(); };
  Tensor x = leaf(drawn(sizes) * 2 + 3), residual = leaf(drawn(sizes)), dy = drawn(sizes);
  Tensor weight = leaf(drawn({sizes[1]})), bias = leaf(drawn({sizes[1]}));
  Tensor running_mean = at::zeros({sizes[1]}, at::kDouble), running_variance = at::ones({sizes[1]}, at::kDouble);

  Tensor expected = at::batch_norm(x, weight, bias, running_mean, running_variance, /*training=*/true,
                                   /*momentum=*/1, epsilon, /*cudnn_enabled=*/false);
  if (adds_residual) expected = expected + residual;
  if (relu) expected = expected.relu();
  torch::autograd::backward({expected}, {dy});

  at::NoGradGuard no_gradients;
  const ctorch::BatchNorm &ours = ctorch::cuda_batch_norm();
  auto parts = [&](const Tensor &values) { return values.detach().chunk(processes); };
  const auto inputs = parts(x), residuals = parts(residual), gradients = parts(dy);
  const double count = static_cast<double>(x.numel() / x.size(1));
  std::vector<Tensor> sums, outputs, gradient_sums, dx, residual_gradients;
  for (const Tensor &input : inputs) sums.push_back(ours.sums(input));
  const Tensor found = ours.statistics(at::stack(sums).sum(0), count, epsilon);
  const Tensor mean = found.select(0, 0), inverse_deviation = found.select(0, 1);
  Tensor weight_gradient = at::zeros_like(bias), bias_gradient = at::zeros_like(bias);
  for (size_t i = 0; i < inputs.size(); ++i) {
    outputs.push_back(ours.apply(inputs[i], mean, inverse_deviation, weight, bias,
                                 adds_residual ? residuals[i] : Tensor(), relu));
    auto part = ours.gradient_sums(gradients[i], inputs[i], relu ? outputs[i] : Tensor(), mean, inverse_deviation);
    gradient_sums.push_back(part.sums);
    weight_gradient += part.weight_gradient;
    bias_gradient += part.bias_gradient;
  }
  const Tensor all = at::stack(gradient_sums).sum(0);
  for (size_t i = 0; i < inputs.size(); ++i) {
    auto part = ours.input_gradients(gradients[i], inputs[i], relu ? outputs[i] : Tensor(), mean, inverse_deviation,
                                     weight, all, count, adds_residual);
    dx.push_back(part.input);
    residual_gradients.push_back(part.residual);
  }
  return {difference(at::cat(outputs), expected.detach()),
          difference(found.select(0, 2), running_variance),
          difference(at::cat(dx), x.grad()),
          adds_residual ? difference(at::cat(residual_gradients), residual.grad()) : 0,
          difference(weight_gradient, weight.grad()),
          difference(bias_gradient, bias.grad())};
}
