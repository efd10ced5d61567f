// Batch normalization on the CPU. Sums are float64, so that how they are cut into processes and threads does not show in
// what is made of them.
#include <ATen/ATen.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <mutex>
#include <type_traits>
#include <vector>

#include "batch_norm.hpp"
#include "batch_norm_loops.hpp"
#include "parallel.hpp"

namespace ctorch {

using namespace batch_norm;

namespace {

/// The type that statistics of elements of a type have.
at::ScalarType wide(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

/// Elements with the channels of a place side by side: vectors, or channels-last images. There are no loops for float16.
at::Tensor as_rows(const at::Tensor &tensor) {
  at::Tensor values = tensor.scalar_type() == at::kHalf ? tensor.to(at::kFloat) : tensor;
  return values.contiguous(tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

Rows rows_of(const at::Tensor &tensor) { return {tensor.numel() / tensor.size(1), tensor.size(1)}; }

/// The elements from one on, null where the tensor is undefined. The typed accessors of at::Tensor are not found by name in
/// a library that another compiler built.
template <class Element>
const Element *elements(const at::Tensor &tensor, int64_t start = 0) {
  return tensor.defined() ? static_cast<const Element *>(tensor.const_data_ptr()) + start : nullptr;
}

template <class Element>
Element *mutable_elements(const at::Tensor &tensor, int64_t start = 0) {
  return tensor.defined() ? static_cast<Element *>(tensor.mutable_data_ptr()) + start : nullptr;
}

/// Calls `body` with a null pointer of the element type.
template <class Body>
auto with_element_type(at::ScalarType type, Body &&body) {
  switch (type) {
    case at::kFloat: return body(static_cast<float *>(nullptr));
    case at::kDouble: return body(static_cast<double *>(nullptr));
    case at::kBFloat16: return body(static_cast<BFloat16 *>(nullptr));
    default: C10_THROW_ERROR(Error, c10::str("batch normalization of ", type, " is not defined"));
  }
}

int64_t grain(Rows rows) { return std::max<int64_t>(1, 16384 / rows.channels); }

/// Adds up two float64 sums a channel, `[2, C]`: `add(first element, rows, sums, other sums)` on each thread. The threads' sums
/// are added in the order of their rows and not in that in which threads finish, so that every run gets the same bits.
template <class Add>
at::Tensor sums_over_rows(Rows rows, Add &&add) {
  std::map<int64_t, std::vector<double>> parts;
  std::mutex mutex;
  in_parallel(rows.count, grain(rows), [&](int64_t begin, int64_t end) {
    std::vector<double> sums(2 * rows.channels, 0.0);
    add(begin * rows.channels, Rows{end - begin, rows.channels}, sums.data(), sums.data() + rows.channels);
    std::lock_guard<std::mutex> lock(mutex);
    parts.emplace(begin, std::move(sums));
  });
  at::Tensor total = at::zeros({2, rows.channels}, at::kDouble);
  double *result = mutable_elements<double>(total);
  for (const auto &[begin, sums] : parts) {
    for (size_t i = 0; i < sums.size(); ++i) result[i] += sums[i];
  }
  return total;
}

/// Runs `body(first element, rows)` over parts of the rows, on each thread from its last to its first: the last ones are those
/// that the pass for the sums left in the cache.
template <class Body>
void for_parts_of(Rows rows, const Body &body) {
  constexpr int64_t elements_at_once = 1 << 16;
  const int64_t step = std::max<int64_t>(1, elements_at_once / rows.channels);
  in_parallel(rows.count, grain(rows), [&](int64_t begin, int64_t end) {
    while (end > begin) {
      const int64_t start = std::max(begin, end - step);
      body(start * rows.channels, Rows{end - start, rows.channels});
      end = start;
    }
  });
}

/// `values` in the layout and the type of the rows `x`; undefined stays so.
at::Tensor as_rows_like(const at::Tensor &values, const at::Tensor &x) {
  return values.defined() ? as_rows(values).to(x.scalar_type()) : values;
}

/// `[C]` in the type that statistics of `x` have.
at::Tensor as_vector(const at::Tensor &vector, const at::Tensor &x) {
  return vector.to(wide(x.scalar_type())).contiguous();
}

struct CPUBatchNorm final : BatchNorm {
  at::Tensor sums(const at::Tensor &input) const override {
    at::Tensor x = as_rows(input);
    return with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      return sums_over_rows(rows_of(x), [&](int64_t start, Rows part, double *sum, double *square_sum) {
        add_moments(elements<Element>(x, start), part, sum, square_sum);
      });
    });
  }

  at::Tensor statistics(const at::Tensor &sums, double count, double epsilon) const override {
    const int64_t channels = sums.size(1);
    at::Tensor totals = sums.contiguous(), result = at::empty({3, channels}, at::kDouble);
    const double *sum = elements<double>(totals), *square_sum = sum + channels;
    double *mean = mutable_elements<double>(result), *inverse_deviation = mean + channels;
    double *unbiased_variance = inverse_deviation + channels;
    for (int64_t c = 0; c < channels; ++c) {
      mean[c] = sum[c] / count;
      const double variance = positive(square_sum[c] / count - mean[c] * mean[c]);
      inverse_deviation[c] = 1 / std::sqrt(variance + epsilon);
      unbiased_variance[c] = variance * (count / std::max(count - 1, 1.0));
    }
    return result;
  }

  at::Tensor apply(const at::Tensor &input, const at::Tensor &mean, const at::Tensor &inverse_deviation,
                   const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &residual,
                   bool relu) const override {
    at::Tensor x = as_rows(input), shortcut = as_rows_like(residual, x), y = at::empty_like(x);
    at::Tensor center = as_vector(mean, x), scale = as_vector(inverse_deviation * weight, x), shift = as_vector(bias, x);
    with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      using Vector = Wide<Element>;
      const Normalizer<Element> by{elements<Vector>(center), elements<Vector>(scale), elements<Vector>(shift)};
      for_parts_of(rows_of(x), [&](int64_t start, Rows part) {
        normalize(elements<Element>(x, start), elements<Element>(shortcut, start), by, relu, part,
                  mutable_elements<Element>(y, start));
      });
    });
    return y.to(input.scalar_type());
  }

  GradientSums gradient_sums(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                             const at::Tensor &mean, const at::Tensor &inverse_deviation) const override {
    at::Tensor x = as_rows(input), dy = as_rows_like(gradient, x), y = as_rows_like(output, x);
    at::Tensor center = as_vector(mean, x);
    at::Tensor sums = with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      return sums_over_rows(rows_of(x), [&](int64_t start, Rows part, double *sum, double *product_sum) {
        add_gradients(elements<Element>(dy, start), elements<Element>(x, start), elements<Element>(y, start),
                      elements<Wide<Element>>(center), part, sum, product_sum);
      });
    });
    // A copy even of the same type: the sums become those of all processes.
    at::Tensor own = sums.to(mean.scalar_type(), /*non_blocking=*/false, /*copy=*/true);
    return {sums, own.select(0, 1) * inverse_deviation, own.select(0, 0)};
  }

  InputGradients input_gradients(const at::Tensor &gradient, const at::Tensor &input, const at::Tensor &output,
                                 const at::Tensor &mean, const at::Tensor &inverse_deviation, const at::Tensor &weight,
                                 const at::Tensor &sums, double count, bool wants_residual) const override {
    at::Tensor x = as_rows(input), dy = as_rows_like(gradient, x), y = as_rows_like(output, x);
    at::Tensor dx = at::empty_like(x), residual_gradient = wants_residual ? at::empty_like(x) : at::Tensor();
    // dx = weight * inverse_deviation * (dy - mean of dy - (x - mean) * inverse_deviation^2 * mean of dy * (x - mean))
    at::Tensor scale = (weight * inverse_deviation).to(at::kDouble), means = sums / count;
    at::Tensor input_scale = scale * inverse_deviation.to(at::kDouble).square() * means.select(0, 1);
    at::Tensor center = as_vector(mean, x), gradient_scale = as_vector(scale, x);
    at::Tensor centered_scale = as_vector(-input_scale, x), shift = as_vector(-scale * means.select(0, 0), x);
    with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      using Vector = Wide<Element>;
      const GradientCombination<Element> by{elements<Vector>(center), elements<Vector>(gradient_scale),
                                            elements<Vector>(centered_scale), elements<Vector>(shift)};
      for_parts_of(rows_of(x), [&](int64_t start, Rows part) {
        combine(elements<Element>(dy, start), elements<Element>(x, start), elements<Element>(y, start), by, part,
                mutable_elements<Element>(dx, start), mutable_elements<Element>(residual_gradient, start));
      });
    });
    auto type = input.scalar_type();
    return {dx.to(type), wants_residual ? residual_gradient.to(type) : residual_gradient};
  }
};

}  // namespace

const BatchNorm &cpu_batch_norm() {
  static const CPUBatchNorm instance;
  return instance;
}

}  // namespace ctorch
