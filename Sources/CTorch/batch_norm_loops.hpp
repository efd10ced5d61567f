// The loops of batch normalization over memory: rows of channels in, sums of channels or rows out.
#pragma once
#include <cstdint>

namespace ctorch::batch_norm {

/// c10::BFloat16's bits; its own conversions are not found by name from a function that has clones.
struct BFloat16 {
  uint16_t bits;
};

/// Rows of C channels, one after another.
struct Rows {
  int64_t count, channels;
};

/// The type that an element is computed in.
template <class Element>
struct WideType {
  using type = float;
};
template <>
struct WideType<double> {
  using type = double;
};
template <class Element>
using Wide = typename WideType<Element>::type;

/// max(value, 0), and NaN of NaN.
template <class Value>
inline __attribute__((always_inline)) Value positive(Value value) {
  return Value(0) > value ? Value(0) : value;
}

/// What a row of values is normalized by, each `[C]`.
template <class Element>
struct Normalizer {
  const Wide<Element> *mean, *scale, *shift;
};

/// dy * gradient_scale + (x - mean) * input_scale + shift, each `[C]`.
template <class Element>
struct GradientCombination {
  const Wide<Element> *mean, *gradient_scale, *input_scale, *shift;
};

// Null pointers stand for what there is not: `residual`, `y` (then no gradient is left out), `residual_gradient`. A
// gradient dy counts as 0 where y <= 0.
#define DECLARE_BATCH_NORM_LOOPS(Element)                                                                          \
  /* sum[c] += x, square_sum[c] += x * x */                                                                        \
  void add_moments(const Element *x, Rows rows, double *sum, double *square_sum);                                  \
  /* out = (x - mean) * scale + shift + residual, with `relu` at least 0, rounded once */                          \
  void normalize(const Element *x, const Element *residual, const Normalizer<Element> &by, bool relu, Rows rows,   \
                 Element *out);                                                                                    \
  /* sum[c] += dy, product_sum[c] += dy * (x - mean) */                                                            \
  void add_gradients(const Element *dy, const Element *x, const Element *y, const Wide<Element> *mean, Rows rows,  \
                     double *sum, double *product_sum);                                                            \
  /* residual_gradient = dy; out = dy * gradient_scale + (x - mean) * input_scale + shift, rounded once */         \
  void combine(const Element *dy, const Element *x, const Element *y, const GradientCombination<Element> &by,      \
               Rows rows, Element *out, Element *residual_gradient);

DECLARE_BATCH_NORM_LOOPS(float)
DECLARE_BATCH_NORM_LOOPS(double)
DECLARE_BATCH_NORM_LOOPS(BFloat16)

}  // namespace ctorch::batch_norm
