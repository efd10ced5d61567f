#include "batch_norm_loops.hpp"

#include <algorithm>
#include <bit>
#include <type_traits>

namespace ctorch::batch_norm {

namespace {

#define INLINE inline __attribute__((always_inline))

INLINE float widened(float value) { return value; }
INLINE double widened(double value) { return value; }
INLINE float widened(BFloat16 value) { return std::bit_cast<float>(static_cast<uint32_t>(value.bits) << 16); }

INLINE void narrow(float value, float &out) { out = value; }
INLINE void narrow(double value, double &out) { out = value; }
/// To the nearest, ties to even.
INLINE void narrow(float value, BFloat16 &out) {
  uint32_t bits = std::bit_cast<uint32_t>(value);
  uint32_t rounded = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16;
  out.bits = static_cast<uint16_t>(value == value ? rounded : 0x7FC0);
}

/// The gradient of what became `y` by ``positive``.
template <class Element>
INLINE Wide<Element> gradient_of_positive(Element dy, Element y) {
  return widened(y) <= 0 ? Wide<Element>(0) : widened(dy);
}

/// Channels whose sums stay in registers while rows are added.
constexpr int64_t kTile = 32;

/// Rows are gone through once for every tile, a few at a time: few enough for the processor to see one stream of memory.
constexpr int64_t kBlockBytes = 4096;

/// Longer rows would come from memory in pieces too far apart: they are gone through once, sums kept in the cache.
constexpr int64_t kLongestTiledRowBytes = 256;

/// Calls `tile(first row, end, first channel, width)` for whole tiles, half a tile, and `rest` for the channels that are
/// left, with a block of rows at a time. Rows of a channel come in order, whatever the blocks.
template <class Tile, class Rest>
INLINE void for_each_tile(Rows rows, int64_t row_bytes, Tile &&tile, Rest &&rest) {
  constexpr std::integral_constant<int64_t, kTile> whole;
  constexpr std::integral_constant<int64_t, kTile / 2> half;
  if (row_bytes > kLongestTiledRowBytes) return rest(0, rows.count, 0);
  int64_t block = kBlockBytes / row_bytes;
  for (int64_t first = 0; first < rows.count; first += block) {
    int64_t end = std::min(rows.count, first + block);
    int64_t c = 0;
    for (; c + whole <= rows.channels; c += whole) tile(first, end, c, whole);
    for (; c + half <= rows.channels; c += half) tile(first, end, c, half);
    if (c < rows.channels) rest(first, end, c);
  }
}

/// Calls `body` with copies of `width` channels of each vector from channel `c` on, and stores those of sums again. Nobody
/// else can know of the copies, so that they become registers.
template <int64_t width, class Body>
INLINE void with_copies(int64_t, Body &&body) {
  body();
}
template <int64_t width, class Body, class Value, class... More>
INLINE void with_copies(int64_t c, Body &&body, Value *vector, More *...more) {
  std::remove_const_t<Value> copy[width];
  for (int64_t i = 0; i < width; ++i) copy[i] = vector[c + i];
  with_copies<width>(
      c, [&](auto *...others) __attribute__((always_inline)) { body(copy, others...); }, more...);
  if constexpr (!std::is_const_v<Value>) {
    for (int64_t i = 0; i < width; ++i) vector[c + i] = copy[i];
  }
}

/// Calls `body(first element, width, parts of vectors…)` for each row of each tile, the parts being those of its channels.
template <class Element, class Body, class... Vectors>
INLINE void for_each_row(Rows rows, Body &&body, Vectors *...vectors) {
  for_each_tile(
      rows, rows.channels * static_cast<int64_t>(sizeof(Element)),
      [&](int64_t first, int64_t end, int64_t c, auto width) __attribute__((always_inline)) {
        with_copies<width()>(
            c,
            [&](auto *...parts) __attribute__((always_inline)) {
              for (int64_t row = first; row < end; ++row) body(row * rows.channels + c, width, parts...);
            },
            vectors...);
      },
      [&](int64_t first, int64_t end, int64_t c) __attribute__((always_inline)) {
        for (int64_t row = first; row < end; ++row) {
          body(row * rows.channels + c, rows.channels - c, (vectors + c)...);
        }
      });
}

/// Calls `body` with a flag that is known when it is compiled.
template <class Body>
INLINE void with_flag(bool flag, Body &&body) {
  flag ? body(std::true_type()) : body(std::false_type());
}

template <class Element>
INLINE void add_moments_of(const Element *x, Rows rows, double *sum, double *square_sum) {
  for_each_row<Element>(
      rows,
      [&](int64_t start, auto width, double *sums, double *squares) __attribute__((always_inline)) {
        for (int64_t i = 0; i < width; ++i) {
          double value = widened(x[start + i]);
          sums[i] += value;
          squares[i] += value * value;
        }
      },
      sum, square_sum);
}

template <class Element>
INLINE void normalize_by(const Element *__restrict x, const Element *__restrict residual, const Normalizer<Element> &by,
                         bool relu, Rows rows, Element *__restrict out) {
  using Value = Wide<Element>;
  with_flag(residual, [&](auto adds) __attribute__((always_inline)) {
    with_flag(relu, [&](auto cuts) __attribute__((always_inline)) {
      for_each_row<Element>(
          rows,
          [&](int64_t start, auto width, const Value *mean, const Value *scale, const Value *shift)
              __attribute__((always_inline)) {
                for (int64_t i = 0; i < width; ++i) {
                  Value value = (widened(x[start + i]) - mean[i]) * scale[i] + shift[i];
                  if constexpr (adds) value += widened(residual[start + i]);
                  if constexpr (cuts) value = positive(value);
                  narrow(value, out[start + i]);
                }
              },
          by.mean, by.scale, by.shift);
    });
  });
}

template <class Element>
INLINE void add_gradients_of(const Element *dy, const Element *x, const Element *y, const Wide<Element> *mean, Rows rows,
                             double *sum, double *product_sum) {
  using Value = Wide<Element>;
  with_flag(y, [&](auto masks) __attribute__((always_inline)) {
    for_each_row<Element>(
        rows,
        [&](int64_t start, auto width, const Value *means, double *sums, double *products)
            __attribute__((always_inline)) {
              for (int64_t i = 0; i < width; ++i) {
                Value narrow_gradient;
                if constexpr (masks) narrow_gradient = gradient_of_positive(dy[start + i], y[start + i]);
                if constexpr (!masks) narrow_gradient = widened(dy[start + i]);
                double gradient = narrow_gradient;
                sums[i] += gradient;
                products[i] += gradient * (widened(x[start + i]) - means[i]);
              }
            },
        mean, sum, product_sum);
  });
}

template <class Element>
INLINE void combine_by(const Element *__restrict dy, const Element *__restrict x, const Element *__restrict y,
                       const GradientCombination<Element> &by, Rows rows, Element *__restrict out,
                       Element *__restrict residual_gradient) {
  using Value = Wide<Element>;
  with_flag(y, [&](auto masks) __attribute__((always_inline)) {
    with_flag(residual_gradient, [&](auto passes_on) __attribute__((always_inline)) {
      for_each_row<Element>(
          rows,
          [&](int64_t start, auto width, const Value *mean, const Value *gradient_scale, const Value *input_scale,
              const Value *shift) __attribute__((always_inline)) {
            for (int64_t i = 0; i < width; ++i) {
              Value gradient;
              if constexpr (masks) gradient = gradient_of_positive(dy[start + i], y[start + i]);
              if constexpr (!masks) gradient = widened(dy[start + i]);
              if constexpr (passes_on) narrow(gradient, residual_gradient[start + i]);
              Value centered = widened(x[start + i]) - mean[i];
              narrow(gradient * gradient_scale[i] + centered * input_scale[i] + shift[i], out[start + i]);
            }
          },
          by.mean, by.gradient_scale, by.input_scale, by.shift);
    });
  });
}

}  // namespace

/// Compiled for AVX-512 and AVX2 as well, and chosen at run time; templates cannot be.
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

#define DEFINE_BATCH_NORM_LOOPS(Element)                                                                           \
  FOR_EACH_CPU void add_moments(const Element *x, Rows rows, double *sum, double *square_sum) {                    \
    add_moments_of(x, rows, sum, square_sum);                                                                      \
  }                                                                                                                \
  FOR_EACH_CPU void normalize(const Element *x, const Element *residual, const Normalizer<Element> &by, bool relu, \
                              Rows rows, Element *out) {                                                           \
    normalize_by(x, residual, by, relu, rows, out);                                                                \
  }                                                                                                                \
  FOR_EACH_CPU void add_gradients(const Element *dy, const Element *x, const Element *y, const Wide<Element> *mean, \
                                  Rows rows, double *sum, double *product_sum) {                                   \
    add_gradients_of(dy, x, y, mean, rows, sum, product_sum);                                                      \
  }                                                                                                                \
  FOR_EACH_CPU void combine(const Element *dy, const Element *x, const Element *y,                                 \
                            const GradientCombination<Element> &by, Rows rows, Element *out,                       \
                            Element *residual_gradient) {                                                          \
    combine_by(dy, x, y, by, rows, out, residual_gradient);                                                        \
  }

DEFINE_BATCH_NORM_LOOPS(float)
DEFINE_BATCH_NORM_LOOPS(double)
DEFINE_BATCH_NORM_LOOPS(BFloat16)

}  // namespace ctorch::batch_norm
