// Convolutions whose gradients are partly computed here.
#pragma once
#include <ATen/core/Tensor.h>

namespace ctorch {

/// at::conv2d, under autocast too. Where it is a 3x3 convolution of stride 1 in bfloat16 on a CPU with AVX512-BF16 but
/// not AMX, the gradient of the weight is found by loops of ours, and not rounded to bfloat16 on its way to a float32 weight.
at::Tensor conv2d(const at::Tensor &input, const at::Tensor &weight, const at::Tensor &bias, int64_t stride,
                  int64_t padding, int64_t dilation, int64_t groups);

}  // namespace ctorch
