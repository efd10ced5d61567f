// Batch normalization with ReLU and a residual, one pass over memory each way.
#include "batch_norm.hpp"

#include <cmath>

#include "elements.hpp"
#include "rows.hpp"
#include "sums.hpp"

namespace kernels {
namespace {

// MARK: Sums

/// The sum of x - center and that of its square. The center is the channel's first value: the sums of a large mean
/// beside a small spread would keep no digit of the spread.
template <class Element, int pack_width>
struct MomentTerms {
  static constexpr int width = pack_width, at_once = rows_at_once;
  using Values = Pack<Element, width>;

  const Element *input;

  ON_DEVICE float center(int64_t channel) const { return widened(input[channel]); }
  ON_DEVICE Values load_at(int64_t index) const { return load<width>(input + index); }
  ON_DEVICE void add(const Values &x, const float *center, float *first, float *second) const {
    for (int i = 0; i < width; ++i) {
      const float value = widened(x.values[i]) - center[i];
      first[i] += value;
      second[i] += value * value;
    }
  }
};

/// Makes them the sums of x and of its square. float64 keeps what the center had taken off.
template <class Element>
struct FinishMoments {
  const Element *input;
  double count;
  int64_t channels;
  double *sums;

  ON_DEVICE void operator()(int64_t channel, double sum, double square_sum) const {
    const double center = widened(input[channel]);
    sums[channel] = sum + count * center;
    sums[channels + channel] = square_sum + 2 * center * sum + count * center * center;
  }
};

/// The elements of a place that its gradient depends on.
template <class Element, int width>
struct GradientValues {
  Pack<Element, width> gradient, input, output;

  /// The gradient below ReLU, if there is one. NaN in the output lets it through, as libtorch does.
  ON_DEVICE float masked(int i, bool is_masked) const {
    const float value = widened(gradient.values[i]);
    return is_masked && widened(output.values[i]) <= 0 ? 0 : value;
  }
};

/// Gradient, input and (behind a ReLU) output, as they lie in memory.
template <class Element, int width>
struct GradientSources {
  const Element *gradient, *input, *output;

  ON_DEVICE bool is_masked() const { return output != nullptr; }
  ON_DEVICE GradientValues<Element, width> load_at(int64_t index) const {
    GradientValues<Element, width> values;
    values.gradient = load<width>(gradient + index);
    values.input = load<width>(input + index);
    if (is_masked()) values.output = load<width>(output + index);
    return values;
  }
};

/// The sum of dy and that of dy (x - mean).
template <class Element, int pack_width>
struct GradientTerms {
  static constexpr int width = pack_width, at_once = gradient_rows_at_once;
  using Values = GradientValues<Element, width>;

  GradientSources<Element, width> sources;
  const float *mean;

  ON_DEVICE float center(int64_t channel) const { return mean[channel]; }
  ON_DEVICE Values load_at(int64_t index) const { return sources.load_at(index); }
  ON_DEVICE void add(const Values &values, const float *center, float *first, float *second) const {
    for (int i = 0; i < width; ++i) {
      const float dy = values.masked(i, sources.is_masked());
      first[i] += dy;
      second[i] += dy * (widened(values.input.values[i]) - center[i]);
    }
  }
};

struct FinishGradientSums {
  const float *inverse_deviation;
  int64_t channels;
  double *sums;
  float *weight_gradient, *bias_gradient;

  ON_DEVICE void operator()(int64_t channel, double sum, double product_sum) const {
    sums[channel] = sum;
    sums[channels + channel] = product_sum;
    bias_gradient[channel] = static_cast<float>(sum);
    weight_gradient[channel] = static_cast<float>(product_sum) * inverse_deviation[channel];
  }
};

// MARK: Channel by channel

struct Statistics {
  static constexpr int threads = row_threads, least_blocks = 1;
  static constexpr bool ends_together = false;
  using Shared = Nothing;

  const double *sums;
  double count, epsilon;
  double *statistics;
  int64_t channels;

  ON_DEVICE void each(const Place &at, Shared &) const {
    const int64_t channel = at.column();
    if (channel >= channels) return;
    const double mean = sums[channel] / count, difference = sums[channels + channel] / count - mean * mean;
    // Rounding can leave the variance of a constant channel below 0; NaN stays NaN.
    const double variance = difference < 0 ? 0 : difference;
    statistics[channel] = mean;
    statistics[channels + channel] = 1 / sqrt(variance + epsilon);
    statistics[2 * channels + channel] = variance * (count / (count > 2 ? count - 1 : 1));
  }
};

// MARK: Element by element

template <class Element, int width>
struct Apply {
  static constexpr int threads = row_threads, least_blocks = 2;
  static constexpr bool ends_together = false;
  using Shared = Nothing;

  const Element *input, *residual;
  const float *mean, *inverse_deviation, *weight, *bias;
  bool relu;
  Element *output;
  int64_t rows, channels;

  struct Values {
    Pack<Element, width> input, residual;
  };

  ON_DEVICE void each(const Place &at, Shared &) const {
    const int64_t channel = at.column() * width;
    if (channel >= channels) return;
    float center[width], scale[width], shift[width];
    for (int i = 0; i < width; ++i) {
      center[i] = mean[channel + i];
      scale[i] = weight[channel + i] * inverse_deviation[channel + i];
      shift[i] = bias[channel + i];
    }
    for_each_row<rows_at_once>(
        at, rows,
        [&](int64_t row) {
          Values values;
          values.input = load<width>(input + row * channels + channel);
          if (residual) values.residual = load<width>(residual + row * channels + channel);
          return values;
        },
        [&](int64_t row, const Values &values) {
          Pack<Element, width> result;
          for (int i = 0; i < width; ++i) {
            float value = (widened(values.input.values[i]) - center[i]) * scale[i] + shift[i];
            if (residual) value += widened(values.residual.values[i]);
            // Written so that NaN stays: a loss scaler has to see it.
            narrow(relu && value < 0 ? 0 : value, result.values[i]);
          }
          store<width>(result, output + row * channels + channel);
        });
  }
};

/// dx = (dy - mean(dy) - (x - mean) mean(dy (x - mean)) / variance) weight / deviation (Ioffe and Szegedy 2015), means
/// over all values that were normalized together.
template <class Element, int width>
struct InputGradient {
  static constexpr int threads = row_threads, least_blocks = 2;
  static constexpr bool ends_together = true;

  GradientSources<Element, width> sources;
  const float *mean, *inverse_deviation, *weight;
  const double *sums;
  float inverse_count;
  Element *input_gradient, *residual_gradient;
  int64_t rows, channels;

  /// Of each channel of a block; found once, for many cards are slow at float64.
  struct Shared {
    static constexpr unsigned most = most_packs_across * width;
    float center[most], scale[most], mean_gradient[most], slope[most];
  };

  ON_DEVICE void each(const Place &at, Shared &shared) const {
    const unsigned across = at.grid.threads_x * width;
    for (unsigned index = at.thread(); index < across; index += threads) {
      const int64_t channel = static_cast<int64_t>(at.block_x) * across + index;
      if (channel >= channels) return;
      const float inverse = inverse_deviation[channel];
      shared.center[index] = mean[channel];
      shared.scale[index] = weight[channel] * inverse;
      shared.mean_gradient[index] = static_cast<float>(sums[channel]) * inverse_count;
      shared.slope[index] = static_cast<float>(sums[channels + channel]) * inverse_count * inverse * inverse;
    }
  }

  ON_DEVICE void together(const Place &at, Shared &shared) const {
    const int64_t channel = at.column() * width;
    if (channel >= channels) return;
    float center[width], scale[width], mean_gradient[width], slope[width];
    for (int i = 0; i < width; ++i) {
      const unsigned index = at.thread_x * width + i;
      center[i] = shared.center[index];
      scale[i] = shared.scale[index];
      mean_gradient[i] = shared.mean_gradient[index];
      slope[i] = shared.slope[index];
    }
    for_each_row<gradient_rows_at_once>(
        at, rows, [&](int64_t row) { return sources.load_at(row * channels + channel); },
        [&](int64_t row, const GradientValues<Element, width> &values) {
          Pack<Element, width> result, residual;
          for (int i = 0; i < width; ++i) {
            const float dy = values.masked(i, sources.is_masked());
            const float distance = widened(values.input.values[i]) - center[i];
            narrow((dy - mean_gradient[i] - distance * slope[i]) * scale[i], result.values[i]);
            narrow(dy, residual.values[i]);
          }
          store<width>(result, input_gradient + row * channels + channel);
          if (residual_gradient) store<width>(residual, residual_gradient + row * channels + channel);
        });
  }
};

// MARK: Which type, and how many elements at a time

/// Whether 16 bytes at a time can be moved from where the pointers lead, in rows of whole packs.
template <class... Pointers>
bool are_aligned(int64_t row_bytes, Pointers... pointers) {
  constexpr uintptr_t pack_bytes = 16;
  return row_bytes % pack_bytes == 0 && ((reinterpret_cast<uintptr_t>(pointers) % pack_bytes == 0) && ...);
}

template <int value>
struct Constant {
  static constexpr int width = value;
};

/// Calls `body` with a null pointer of the element type and the width of packs.
template <class Body, class... Pointers>
const char *with_elements(const ctorch_rows &rows, const Body &body, Pointers... pointers) {
  auto with_width = [&](auto *type) {
    constexpr int bytes = sizeof(*type), most = 16 / bytes;
    return are_aligned(rows.channels * bytes, pointers...) ? body(type, Constant<most>()) : body(type, Constant<1>());
  };
  // libtorch's numbers (c10::ScalarType).
  switch (rows.element) {
    case 5: return with_width(static_cast<Float16 *>(nullptr));
    case 6: return with_width(static_cast<float *>(nullptr));
    case 15: return with_width(static_cast<BFloat16 *>(nullptr));
    default: return "there are kernels for float32, float16 and bfloat16";
  }
}

}  // namespace

int64_t batch_norm_scratch_bytes(const ctorch_rows &rows, const Queue &queue) {
  int64_t parts = 0;
  for (int width : {1, 4, 8}) parts = std::max<int64_t>(parts, grid_for_sums(rows, width, queue).blocks_y);
  return 2 * parts * rows.channels * static_cast<int64_t>(sizeof(float));
}

const char *batch_norm_sums(const ctorch_rows &rows, const Queue &queue, const void *input, void *scratch,
                            double *sums) {
  return with_elements(
      rows,
      [&](auto *type, auto pack) {
        using Element = std::remove_pointer_t<decltype(type)>;
        const auto *x = static_cast<const Element *>(input);
        const FinishMoments<Element> finish{x, static_cast<double>(rows.rows), rows.channels, sums};
        return add_up(rows, queue, MomentTerms<Element, pack.width>{x}, finish, scratch);
      },
      input);
}

const char *batch_norm_statistics(int64_t channels, const Queue &queue, const double *sums, double count,
                                  double epsilon, double *statistics) {
  const auto blocks = static_cast<unsigned>(quotient_rounded_up(channels, row_threads));
  return launch(Grid{blocks, 1, row_threads, 1}, queue.stream,
                Statistics{sums, count, epsilon, statistics, channels});
}

const char *batch_norm_apply(const ctorch_rows &rows, const Queue &queue, const void *input, const void *residual,
                             const float *mean, const float *inverse_deviation, const float *weight, const float *bias,
                             bool relu, void *output) {
  return with_elements(
      rows,
      [&](auto *type, auto pack) {
        using Element = std::remove_pointer_t<decltype(type)>;
        return launch(grid_for_elements(rows, pack.width, queue), queue.stream,
                      Apply<Element, pack.width>{static_cast<const Element *>(input),
                                                 static_cast<const Element *>(residual), mean, inverse_deviation,
                                                 weight, bias, relu, static_cast<Element *>(output), rows.rows,
                                                 rows.channels});
      },
      input, residual, output);
}

const char *batch_norm_gradient_sums(const ctorch_rows &rows, const Queue &queue, const void *gradient,
                                     const void *input, const void *output, const float *mean,
                                     const float *inverse_deviation, void *scratch, double *sums,
                                     float *weight_gradient, float *bias_gradient) {
  return with_elements(
      rows,
      [&](auto *type, auto pack) {
        using Element = std::remove_pointer_t<decltype(type)>;
        const GradientSources<Element, pack.width> sources{static_cast<const Element *>(gradient),
                                                           static_cast<const Element *>(input),
                                                           static_cast<const Element *>(output)};
        const FinishGradientSums finish{inverse_deviation, rows.channels, sums, weight_gradient, bias_gradient};
        return add_up(rows, queue, GradientTerms<Element, pack.width>{sources, mean}, finish, scratch);
      },
      gradient, input, output);
}

const char *batch_norm_input_gradient(const ctorch_rows &rows, const Queue &queue, const void *gradient,
                                      const void *input, const void *output, const float *mean,
                                      const float *inverse_deviation, const float *weight, const double *sums,
                                      double count, void *input_gradient, void *residual_gradient) {
  return with_elements(
      rows,
      [&](auto *type, auto pack) {
        using Element = std::remove_pointer_t<decltype(type)>;
        const GradientSources<Element, pack.width> sources{static_cast<const Element *>(gradient),
                                                           static_cast<const Element *>(input),
                                                           static_cast<const Element *>(output)};
        return launch(
            grid_for_elements(rows, pack.width, queue), queue.stream,
            InputGradient<Element, pack.width>{sources, mean, inverse_deviation, weight, sums,
                                               static_cast<float>(1 / count), static_cast<Element *>(input_gradient),
                                               static_cast<Element *>(residual_gradient), rows.rows, rows.channels});
      },
      gradient, input, output, input_gradient, residual_gradient);
}

}  // namespace kernels
