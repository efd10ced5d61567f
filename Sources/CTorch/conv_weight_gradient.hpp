// The weight gradient of 3x3 convolutions in bfloat16 on the CPU.
#pragma once
#include <cstdint>

namespace ctorch::conv {

/// Images of a 3x3 convolution with stride 1 and a border of 1, channels last.
struct Shape {
  int64_t height, width, input_channels, output_channels;
};

/// Channels that one register holds; those of input and output must be multiples of it.
constexpr int64_t kLanes = 16;

/// Whether this CPU multiplies pairs of bfloat16 (AVX512-BF16), and no whole matrices (AMX): for those oneDNN is fast.
bool has_weight_gradient();

/// weight_gradient[o][ky][kx][c] += sum over images and pixels of dy[pixel][o] * x[pixel + (ky - 1, kx - 1)][c], added in
/// float32. `x` and `dy` hold bfloat16.
void add_weight_gradient(const uint16_t *x, const uint16_t *dy, int64_t images, const Shape &shape,
                         float *weight_gradient);

}  // namespace ctorch::conv
