#include "convolution.hpp"

#include <ATen/ATen.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <map>
#include <mutex>
#include <vector>

#include "conv_weight_gradient.hpp"
#include "parallel.hpp"

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

namespace ctorch {

namespace {

constexpr auto kChannelsLast = at::MemoryFormat::ChannelsLast;

/// The gradient of the weight, `[O, C, 3, 3]` in float32. Threads add up images of their own; their sums are added in the
/// order of the images, so that every run gets the same bits.
at::Tensor weight_gradient(const at::Tensor &input, const at::Tensor &gradient) {
  const at::Tensor x = input.contiguous(kChannelsLast), dy = gradient.contiguous(kChannelsLast);
  const conv::Shape shape{x.size(2), x.size(3), x.size(1), dy.size(1)};
  const int64_t pixels = shape.height * shape.width;
  at::Tensor total = at::empty({shape.output_channels, shape.input_channels, 3, 3}, at::kFloat, kChannelsLast).zero_();
  const auto *inputs = static_cast<const uint16_t *>(x.const_data_ptr());
  const auto *gradients = static_cast<const uint16_t *>(dy.const_data_ptr());
  auto *sums = static_cast<float *>(total.mutable_data_ptr());
  std::map<int64_t, std::vector<float>> parts;
  std::mutex mutex;
  in_parallel(x.size(0), /*grain=*/1, [&](int64_t begin, int64_t end) {
    std::vector<float> part(begin == 0 ? 0 : total.numel());
    conv::add_weight_gradient(inputs + begin * pixels * shape.input_channels,
                              gradients + begin * pixels * shape.output_channels, end - begin, shape,
                              begin == 0 ? sums : part.data());
    std::lock_guard<std::mutex> lock(mutex);
    parts.emplace(begin, std::move(part));
  });
  for (const auto &[begin, part] : parts) {
    for (size_t i = 0; i < part.size(); ++i) sums[i] += part[i];
  }
  return total;
}

/// A 3x3 convolution in bfloat16 with the weight's gradient from above, which goes to `master`, the weight as it is trained.
struct Convolution3x3 : torch::autograd::Function<Convolution3x3> {
  static at::Tensor forward(AutogradContext *context, const at::Tensor &input, const at::Tensor &master,
                            const at::Tensor &weight) {
    (void)master;
    context->save_for_backward({input, weight});
    return at::conv2d(input, weight, {}, /*stride=*/1, /*padding=*/1);
  }

  static variable_list backward(AutogradContext *context, const variable_list &gradients) {
    const variable_list saved = context->get_saved_variables();
    const at::Tensor &input = saved[0], &weight = saved[1], &gradient = gradients[0];
    at::Tensor input_gradient;
    if (context->needs_input_grad(0)) {
      input_gradient = std::get<0>(at::convolution_backward(gradient, input, weight, /*bias_sizes=*/{}, {1, 1}, {1, 1},
                                                            {1, 1}, /*transposed=*/false, {0, 0}, /*groups=*/1,
                                                            {true, false, false}));
    }
    return {input_gradient, weight_gradient(input, gradient.to(at::kBFloat16)), at::Tensor()};
  }
};

bool has_weight_gradient(const at::Tensor &input, const at::Tensor &weight, at::ScalarType type) {
  return at::GradMode::is_enabled() && weight.requires_grad() && input.is_cpu() && type == at::kBFloat16 &&
         input.dim() == 4 && weight.dim() == 4 && input.size(1) == weight.size(1) && weight.size(2) == 3 &&
         weight.size(3) == 3 && weight.size(0) % conv::kLanes == 0 && weight.size(1) % conv::kLanes == 0 &&
         input.numel() > 0 && conv::has_weight_gradient();
}

}  // namespace

at::Tensor conv2d(const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, int64_t stride,
                  int64_t padding, int64_t dilation, int64_t groups) {
  const bool casts = at::autocast::is_autocast_enabled(at::kCPU);
  const at::ScalarType type = casts ? at::autocast::get_autocast_dtype(at::kCPU) : input.scalar_type();
  if (bias.defined() || stride != 1 || padding != 1 || dilation != 1 || groups != 1 ||
      !has_weight_gradient(input, weight, type)) {
    return at::conv2d(input, weight, bias, stride, padding, dilation, groups);
  }
  const at::Tensor values = at::autocast::cached_cast(type, input, at::kCPU);
  const at::Tensor narrow_weight = at::autocast::cached_cast(type, weight, at::kCPU).detach();
  c10::impl::ExcludeDispatchKeyGuard no_casts(c10::DispatchKey::AutocastCPU);
  return Convolution3x3::apply(values, weight, narrow_weight);
}

}  // namespace ctorch
