// AVX512-BF16 multiplies pairs of numbers that lie side by side and adds both products to a float32. For a weight gradient,
// a sum over pixels, pairs must be of neighboring pixels of a channel, while channels lie side by side in memory. So rows
// are first brought into such pairs: those of dy (0 1)(2 3)…, which the middle column of weights needs of x as well, and
// of x for the outer columns (_ 0)(1 2)(3 _). Then sixteen registers collect a tile of 16 x 16 weights over many pixels.
//
// oneDNN (of libtorch 2.11) computes this at little more than half of the rate of its forward pass, unless the CPU has AMX.
#include "conv_weight_gradient.hpp"

#include <immintrin.h>

#include <algorithm>
#include <vector>

namespace ctorch::conv {

namespace {

#define FOR_BF16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512bf16")))

/// Pairs that a tile is collected over before its registers are stored.
constexpr int64_t kPairsAtOnce = 256;

/// Pairs of the pixels of rows, for each channel: `[image, y, pair, channel]`.
struct Pairs {
  int64_t height, pairs_per_row, channels;
  std::vector<uint32_t> values;

  Pairs(int64_t images, int64_t height, int64_t pairs_per_row, int64_t channels)
      : height(height), pairs_per_row(pairs_per_row), channels(channels),
        values(images * height * pairs_per_row * channels) {}

  int64_t row_length() const { return pairs_per_row * channels; }
  uint32_t *row(int64_t index) { return values.data() + index * row_length(); }
  const uint32_t *at(int64_t y, int64_t pair, int64_t channel) const {
    return values.data() + y * row_length() + pair * channels + channel;
  }
};

/// One row of pixels as pairs (0 1)(2 3)…; and as (_ 0)(1 2)… where `outer` is given. What is outside is 0.
FOR_BF16 void pair_up(const uint16_t *pixels, int64_t width, int64_t channels, uint32_t *inner, uint32_t *outer) {
  for (int64_t c = 0; c < channels; c += kLanes) {
    auto pixel = [&](int64_t x) FOR_BF16 {
      if (x >= width) return _mm512_setzero_si512();
      auto *lanes = reinterpret_cast<const __m256i *>(pixels + x * channels + c);
      return _mm512_cvtepu16_epi32(_mm256_loadu_si256(lanes));
    };
    auto store_pair = [&](__m512i first, __m512i second, uint32_t *pairs, int64_t index) FOR_BF16 {
      _mm512_storeu_si512(pairs + index * channels + c, _mm512_or_si512(first, _mm512_slli_epi32(second, 16)));
    };
    __m512i last = _mm512_setzero_si512();
    int64_t pair = 0;
    for (int64_t x = 0; x < width; x += 2, ++pair) {
      const __m512i first = pixel(x), second = pixel(x + 1);
      store_pair(first, second, inner, pair);
      if (outer) store_pair(last, first, outer, pair);
      last = second;
    }
    if (outer) store_pair(last, _mm512_setzero_si512(), outer, pair);
  }
}

/// Adds to 16 x 16 weights, rows of which are `stride` apart, the products of pairs from `x` and `dy` on: in `rows` rows of
/// each image as many pairs as `gradients` has in a row.
FOR_BF16 void add_tile(const Pairs &inputs, const uint32_t *x, const Pairs &gradients, const uint32_t *dy,
                       int64_t images, int64_t rows, float *weights, int64_t stride) {
  __m512 sums[kLanes];
  for (int64_t o = 0; o < kLanes; ++o) sums[o] = _mm512_loadu_ps(weights + o * stride);
  for (int64_t image = 0; image < images; ++image) {
    for (int64_t y = 0; y < rows; ++y) {
      const uint32_t *input = x + (image * inputs.height + y) * inputs.row_length();
      const uint32_t *gradient = dy + (image * gradients.height + y) * gradients.row_length();
      for (int64_t pair = 0; pair < gradients.pairs_per_row; ++pair) {
        const __m512bh values = reinterpret_cast<__m512bh>(_mm512_loadu_si512(input));
#pragma clang loop unroll(full)
        for (int64_t o = 0; o < kLanes; ++o) {
          sums[o] = _mm512_dpbf16_ps(sums[o], values, reinterpret_cast<__m512bh>(_mm512_set1_epi32(gradient[o])));
        }
        input += inputs.channels;
        gradient += gradients.channels;
      }
    }
  }
  for (int64_t o = 0; o < kLanes; ++o) _mm512_storeu_ps(weights + o * stride, sums[o]);
}

}  // namespace

bool has_weight_gradient() {
  return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && !__builtin_cpu_supports("amx-bf16");
}

void add_weight_gradient(const uint16_t *x, const uint16_t *dy, int64_t images, const Shape &shape,
                         float *weight_gradient) {
  const auto [height, width, inputs, outputs] = shape;
  const int64_t pairs = (width + 1) / 2, at_once = std::clamp<int64_t>(kPairsAtOnce / (pairs * height), 1, images);
  Pairs gradients(at_once, height, pairs, outputs), inner(at_once, height, pairs, inputs),
      outer(at_once, height, pairs + 1, inputs);
  for (int64_t first = 0; first < images; first += at_once) {
    const int64_t count = std::min(at_once, images - first);
    for (int64_t row = 0; row < count * height; ++row) {
      const int64_t pixel = (first * height + row) * width;
      pair_up(dy + pixel * outputs, width, outputs, gradients.row(row), nullptr);
      pair_up(x + pixel * inputs, width, inputs, inner.row(row), outer.row(row));
    }
    for (int64_t o = 0; o < outputs; o += kLanes) {
      for (int64_t place = 0; place < 9; ++place) {
        // The rows of dy whose x is within the image.
        const int64_t up = 1 - place / 3, column = place % 3;
        const int64_t begin = std::max<int64_t>(0, up), end = std::min(height, height + up);
        if (begin >= end) continue;
        const Pairs &source = column == 1 ? inner : outer;
        for (int64_t c = 0; c < inputs; c += kLanes) {
          add_tile(source, source.at(begin - up, column == 2, c), gradients, gradients.at(begin, 0, o), count,
                   end - begin, weight_gradient + (o * 9 + place) * inputs + c, 9 * inputs);
        }
      }
    }
  }
}

}  // namespace ctorch::conv
