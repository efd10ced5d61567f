// The layers of a network.
#include <ATen/ATen.h>

#include <utility>

#include "batch_norm.hpp"
#include "convolution.hpp"
#include "guard.hpp"

using namespace ctorch;

namespace {

/// Whether oneDNN would write past its memory for the gradient of the weight: a strided 1x1 convolution of fewer channels
/// than its AVX-512 kernel takes at once (libtorch 2.11; a crash from 4 to 15 channels and 56 x 56 pixels on).
bool outgrows_its_memory(const at::Tensor &input, const at::Tensor &weight, int64_t stride, int64_t padding) {
  constexpr int64_t channels_at_once = 16;
  return input.is_cpu() && stride > 1 && padding == 0 && weight.dim() == 4 && weight.size(1) < channels_at_once &&
         weight.size(2) == 1 && weight.size(3) == 1;
}

/// The places that a strided 1x1 convolution reads.
at::Tensor every_nth_place(const at::Tensor &input, int64_t n) { return input.slice(2, 0, {}, n).slice(3, 0, {}, n); }

thread_local int64_t multiplications = 0;

/// A convolution's result where there are only shapes, for which libtorch has none in C++.
at::Tensor shape_of_conv2d(const at::Tensor &x, const at::Tensor &weight, int64_t stride, int64_t padding,
                           int64_t dilation) {
  auto side = [&](int64_t input, int64_t kernel) {
    return (input + 2 * padding - dilation * (kernel - 1) - 1) / stride + 1;
  };
  return at::empty({x.size(0), weight.size(0), side(x.size(2), weight.size(2)), side(x.size(3), weight.size(3))},
                   x.options());
}

}  // namespace

extern "C" {

ctorch_status ctorch_nn_linear(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                               ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(at::linear(input->value, weight->value, value_or_undefined(bias)));
    multiplications += input->value.numel() * weight->value.size(0);
  });
}

ctorch_status ctorch_nn_conv2d(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                               int64_t stride, int64_t padding, int64_t dilation, int64_t groups, ctorch_tensor **out) {
  return guard([&] {
    at::Tensor x = input->value;
    if (x.dim() == 4 && outgrows_its_memory(x, weight->value, stride, padding)) {
      x = every_nth_place(x, std::exchange(stride, 1));
    }
    *out = wrap(x.is_meta() ? shape_of_conv2d(x, weight->value, stride, padding, dilation)
                            : conv2d(x, weight->value, value_or_undefined(bias), stride, padding, dilation, groups));
    multiplications += (*out)->value.numel() * (weight->value.numel() / weight->value.size(0));
  });
}

ctorch_status ctorch_nn_batch_norm(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                                   ctorch_tensor *running_mean, ctorch_tensor *running_var, bool training,
                                   double momentum, double epsilon, ctorch_tensor **out) {
  return guard([&] {
    if (input->value.is_meta()) {
      *out = wrap(at::empty_like(input->value));
      return;
    }
    int64_t values_per_channel = input->value.numel() / std::max<int64_t>(1, input->value.size(1));
    TORCH_CHECK(!training || values_per_channel > 1,
                "batch statistics need more than one value a channel, got an input of shape ", input->value.sizes());
    *out = wrap(at::batch_norm(input->value, value_or_undefined(weight), value_or_undefined(bias),
                               value_or_undefined(running_mean), value_or_undefined(running_var), training, momentum,
                               epsilon, /*cudnn_enabled=*/true));
  });
}

ctorch_status ctorch_nn_batch_norm_sums(const ctorch_tensor *input, ctorch_tensor **out) {
  return guard([&] { *out = wrap(batch_norm_of(input->value).sums(input->value)); });
}

ctorch_status ctorch_nn_batch_norm_statistics(const ctorch_tensor *sums, double count, double epsilon, int32_t dtype,
                                              ctorch_tensor *running_mean, ctorch_tensor *running_var, double momentum,
                                              ctorch_tensor **mean, ctorch_tensor **inverse_deviation) {
  return guard([&] {
    at::Tensor found = batch_norm_of_sums(sums->value).statistics(sums->value, count, epsilon);
    found = found.to(static_cast<at::ScalarType>(dtype));
    if (running_mean) running_mean->value.lerp_(found.select(0, 0), momentum);
    if (running_var) running_var->value.lerp_(found.select(0, 2), momentum);
    *mean = wrap(found.select(0, 0));
    *inverse_deviation = wrap(found.select(0, 1));
  });
}

ctorch_status ctorch_nn_batch_norm_apply(const ctorch_tensor *input, const ctorch_tensor *mean,
                                         const ctorch_tensor *inverse_deviation, const ctorch_tensor *weight,
                                         const ctorch_tensor *bias, const ctorch_tensor *residual, bool relu,
                                         ctorch_tensor **out) {
  return guard([&] {
    at::Tensor shortcut = value_or_undefined(residual);
    TORCH_CHECK(!shortcut.defined() || shortcut.sizes() == input->value.sizes(), "cannot add a residual of shape ",
                shortcut.sizes(), " to an output of shape ", input->value.sizes());
    *out = wrap(batch_norm_of(input->value).apply(input->value, mean->value, inverse_deviation->value, weight->value,
                                                  bias->value, shortcut, relu));
  });
}

ctorch_status ctorch_nn_batch_norm_gradient_sums(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                 const ctorch_tensor *output, const ctorch_tensor *mean,
                                                 const ctorch_tensor *inverse_deviation, ctorch_tensor **sums,
                                                 ctorch_tensor **weight_gradient, ctorch_tensor **bias_gradient) {
  return guard([&] {
    auto found = batch_norm_of(input->value).gradient_sums(gradient->value, input->value, value_or_undefined(output),
                                                           mean->value, inverse_deviation->value);
    *sums = wrap(found.sums);
    *weight_gradient = wrap(found.weight_gradient);
    *bias_gradient = wrap(found.bias_gradient);
  });
}

ctorch_status ctorch_nn_batch_norm_input_gradient(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                  const ctorch_tensor *output, const ctorch_tensor *mean,
                                                  const ctorch_tensor *inverse_deviation, const ctorch_tensor *weight,
                                                  const ctorch_tensor *sums, double count,
                                                  ctorch_tensor **input_gradient, ctorch_tensor **residual_gradient) {
  return guard([&] {
    auto found = batch_norm_of(input->value).input_gradients(
        gradient->value, input->value, value_or_undefined(output), mean->value, inverse_deviation->value, weight->value,
        sums->value, count, residual_gradient != nullptr);
    *input_gradient = wrap(found.input);
    if (residual_gradient) *residual_gradient = wrap(found.residual);
  });
}

ctorch_status ctorch_nn_max_pool2d(const ctorch_tensor *input, int64_t kernel, int64_t stride, int64_t padding,
                                   ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::max_pool2d(input->value, kernel, stride, padding)); });
}

ctorch_status ctorch_nn_adaptive_avg_pool2d(const ctorch_tensor *input, int64_t height, int64_t width,
                                            ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::adaptive_avg_pool2d(input->value, {height, width})); });
}

ctorch_status ctorch_nn_softmax(const ctorch_tensor *input, int64_t dimension, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::softmax(input->value, dimension)); });
}

ctorch_status ctorch_nn_log_softmax(const ctorch_tensor *input, int64_t dimension, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::log_softmax(input->value, dimension)); });
}

ctorch_status ctorch_nn_cross_entropy(const ctorch_tensor *input, const ctorch_tensor *target, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::cross_entropy_loss(input->value, target->value)); });
}

ctorch_status ctorch_nn_normalize(const ctorch_tensor *input, int64_t dimension, double epsilon, ctorch_tensor **out) {
  return guard([&] {
    at::Tensor norm = at::linalg_vector_norm(input->value, 2, dimension, /*keepdim=*/true);
    *out = wrap(input->value / norm.clamp_min(epsilon));
  });
}

ctorch_status ctorch_nn_layer_norm(const ctorch_tensor *input, const ctorch_tensor *weight, const ctorch_tensor *bias,
                                   double epsilon, ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(input->value.is_meta() ? at::empty_like(input->value)
                                       : at::layer_norm(input->value, weight->value.sizes(), weight->value,
                                                        bias->value, epsilon));
  });
}

ctorch_status ctorch_nn_gelu(const ctorch_tensor *input, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::gelu(input->value)); });
}

ctorch_status ctorch_nn_silu(const ctorch_tensor *input, ctorch_tensor **out) {
  return guard([&] { *out = wrap(at::silu(input->value)); });
}

ctorch_status ctorch_nn_attention(const ctorch_tensor *query, const ctorch_tensor *key, const ctorch_tensor *value,
                                  ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(query->value.is_meta()
                    ? at::empty_like(query->value)
                    : at::scaled_dot_product_attention(query->value, key->value, value->value));
    multiplications += query->value.numel() * key->value.size(-2) + (*out)->value.numel() * key->value.size(-2);
  });
}

ctorch_status ctorch_nn_resize_bicubic(const ctorch_tensor *input, int64_t height, int64_t width, ctorch_tensor **out) {
  return guard([&] {
    *out = wrap(at::_upsample_bicubic2d_aa(input->value, {height, width}, /*align_corners=*/false));
  });
}

int64_t ctorch_nn_multiplications(void) { return multiplications; }

}  // extern "C"
