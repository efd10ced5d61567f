// Batch normalisation in the parts between which processes exchange statistics. Sums are float64, so that how they are
// cut into processes and threads does not show in what is made of them.
#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <bit>
#include <exception>
#include <map>
#include <mutex>
#include <type_traits>
#include <vector>

#include "guard.hpp"

using namespace ctorch;

namespace {

/// Compiled for AVX-512 and AVX2 as well, and chosen at run time.
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))

/// c10::BFloat16's bits; its own conversions are not found by name from a clone.
struct BFloat16 {
  uint16_t bits;
};

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

/// Rows of C channels, one after another.
struct Rows {
  int64_t count, channels;
};

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

// What follows is written for each element type with macros, since templates cannot have clones.
#define DEFINE_ROW_LOOPS(Element, Wide)                                                                             \
  /* sum[c] += x, square_sum[c] += x * x */                                                                         \
  FOR_EACH_CPU void add_moments(const Element *x, Rows rows, double *sum, double *square_sum) {                     \
    auto add = [&](int64_t first, int64_t end, int64_t c, auto width, double *sums, double *squares)                \
                   __attribute__((always_inline)) {                                                                 \
      for (int64_t row = first; row < end; ++row) {                                                                 \
        const Element *values = x + row * rows.channels + c;                                                        \
        for (int64_t i = 0; i < width; ++i) {                                                                       \
          double value = widened(values[i]);                                                                        \
          sums[i] += value;                                                                                         \
          squares[i] += value * value;                                                                              \
        }                                                                                                           \
      }                                                                                                             \
    };                                                                                                              \
    ADD_TWO_SUMS(add, sum, square_sum, sizeof(Element))                                                             \
  }                                                                                                                 \
  /* sum[c] += dy, product_sum[c] += dy * (x - mean) */                                                             \
  FOR_EACH_CPU void add_gradients(const Element *dy, const Element *x, const Wide *mean, Rows rows, double *sum,    \
                                  double *product_sum) {                                                            \
    auto add = [&](int64_t first, int64_t end, int64_t c, auto width, double *sums, double *products)               \
                   __attribute__((always_inline)) {                                                                 \
      const Wide *means = mean + c;                                                                                 \
      for (int64_t row = first; row < end; ++row) {                                                                 \
        const Element *gradients = dy + row * rows.channels + c, *values = x + row * rows.channels + c;             \
        for (int64_t i = 0; i < width; ++i) {                                                                       \
          double gradient = widened(gradients[i]);                                                                  \
          sums[i] += gradient;                                                                                      \
          products[i] += gradient * (widened(values[i]) - means[i]);                                                \
        }                                                                                                           \
      }                                                                                                             \
    };                                                                                                              \
    ADD_TWO_SUMS(add, sum, product_sum, sizeof(Element))                                                            \
  }                                                                                                                 \
  /* out = dy * a + (x - mean) * b + shift, rounded once */                                                         \
  FOR_EACH_CPU void combine(const Element *__restrict dy, const Element *__restrict x, const Wide *__restrict mean, \
                            const Wide *__restrict a, const Wide *__restrict b, const Wide *__restrict shift,       \
                            Rows rows, Element *__restrict out) {                                                   \
    auto add = [&](int64_t first, int64_t end, int64_t c, auto width, const Wide *means, const Wide *as,            \
                   const Wide *bs, const Wide *shifts) __attribute__((always_inline)) {                             \
      for (int64_t row = first; row < end; ++row) {                                                                 \
        const Element *gradients = dy + row * rows.channels + c, *values = x + row * rows.channels + c;             \
        Element *results = out + row * rows.channels + c;                                                           \
        for (int64_t i = 0; i < width; ++i) {                                                                       \
          narrow(widened(gradients[i]) * as[i] + (widened(values[i]) - means[i]) * bs[i] + shifts[i], results[i]);  \
        }                                                                                                           \
      }                                                                                                             \
    };                                                                                                              \
    for_each_tile(                                                                                                  \
        rows, rows.channels * static_cast<int64_t>(sizeof(Element)),                                                \
        [&](int64_t first, int64_t end, int64_t c, auto width) __attribute__((always_inline)) {                     \
          Wide means[width], as[width], bs[width], shifts[width];                                                   \
          for (int64_t i = 0; i < width; ++i) {                                                                     \
            means[i] = mean[c + i], as[i] = a[c + i], bs[i] = b[c + i], shifts[i] = shift[c + i];                   \
          }                                                                                                         \
          add(first, end, c, width, means, as, bs, shifts);                                                         \
        },                                                                                                          \
        [&](int64_t first, int64_t end, int64_t c) __attribute__((always_inline)) {                                 \
          add(first, end, c, rows.channels - c, mean + c, a + c, b + c, shift + c);                                 \
        });                                                                                                         \
  }

/// Sums of a whole tile in arrays that are known to be nobody else's become registers.
#define ADD_TWO_SUMS(add, first_sum, second_sum, element_bytes)                                                     \
  for_each_tile(                                                                                                    \
      rows, rows.channels * static_cast<int64_t>(element_bytes),                                                    \
      [&](int64_t first, int64_t end, int64_t c, auto width) __attribute__((always_inline)) {                       \
        double one[width], two[width];                                                                              \
        for (int64_t i = 0; i < width; ++i) one[i] = first_sum[c + i], two[i] = second_sum[c + i];                  \
        add(first, end, c, width, one, two);                                                                        \
        for (int64_t i = 0; i < width; ++i) first_sum[c + i] = one[i], second_sum[c + i] = two[i];                  \
      },                                                                                                            \
      [&](int64_t first, int64_t end, int64_t c) __attribute__((always_inline)) {                                   \
        add(first, end, c, rows.channels - c, first_sum + c, second_sum + c);                                       \
      });

DEFINE_ROW_LOOPS(float, float)
DEFINE_ROW_LOOPS(double, double)
DEFINE_ROW_LOOPS(BFloat16, float)

/// The type that statistics of elements of a type have.
at::ScalarType wide(at::ScalarType type) { return type == at::kDouble ? at::kDouble : at::kFloat; }

/// Elements with the channels of a place side by side: vectors, or channels-last images. There are no loops for float16.
at::Tensor as_rows(const at::Tensor &tensor) {
  at::Tensor values = tensor.scalar_type() == at::kHalf ? tensor.to(at::kFloat) : tensor;
  return values.contiguous(tensor.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

Rows rows_of(const at::Tensor &tensor) { return {tensor.numel() / tensor.size(1), tensor.size(1)}; }

/// The typed accessors of at::Tensor are not found by name in a library that another compiler built.
template <class Element>
const Element *elements(const at::Tensor &tensor) {
  return static_cast<const Element *>(tensor.const_data_ptr());
}

template <class Element>
Element *mutable_elements(const at::Tensor &tensor) {
  return static_cast<Element *>(tensor.mutable_data_ptr());
}

/// Calls `body` with a null pointer of the element type.
template <class Body>
void with_element_type(at::ScalarType type, Body &&body) {
  switch (type) {
    case at::kFloat: return body(static_cast<float *>(nullptr));
    case at::kDouble: return body(static_cast<double *>(nullptr));
    case at::kBFloat16: return body(static_cast<BFloat16 *>(nullptr));
    default: TORCH_CHECK(false, "batch normalisation of ", type, " is not defined");
  }
}

/// Runs `body(first, end)` over parts of `count` on the threads of libtorch's operations.
///
/// at::parallel_for is a template, which a compiler without OpenMP makes a plain loop. So the runtime that libtorch brought
/// is called by its own names. An exception that left one of its threads would end the process: the first one of the threads
/// is thrown on the calling thread instead.
template <class Body>
void in_parallel(int64_t count, int64_t grain, const Body &body) {
  static const auto parallel = reinterpret_cast<void (*)(void (*)(void *), void *, unsigned, unsigned)>(
      dlsym(RTLD_DEFAULT, "GOMP_parallel"));
  static const auto thread_number = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_thread_num"));
  static const auto thread_count = reinterpret_cast<int (*)()>(dlsym(RTLD_DEFAULT, "omp_get_num_threads"));
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), (count + grain - 1) / grain);
  if (threads <= 1 || !parallel || !thread_number || !thread_count) return body(0, count);
  struct Task {
    const Body &body;
    int64_t count;
    std::atomic_flag has_failed = ATOMIC_FLAG_INIT;
    std::exception_ptr failure = nullptr;
  } task{body, count};
  auto run = [](void *context) {
    Task &task = *static_cast<Task *>(context);
    const int64_t threads = thread_count(), length = (task.count + threads - 1) / threads;
    const int64_t first = std::min(task.count, thread_number() * length);
    if (first >= task.count) return;
    try {
      task.body(first, std::min(task.count, first + length));
    } catch (...) {
      if (!task.has_failed.test_and_set()) task.failure = std::current_exception();
    }
  };
  parallel(run, &task, static_cast<unsigned>(threads), 0);
  if (task.failure) std::rethrow_exception(task.failure);
}

int64_t grain(Rows rows) { return std::max<int64_t>(1, 16384 / rows.channels); }

/// Adds up two float64 sums a channel, `[2, C]`: `add(first row, rows, sums, other sums)` on each thread. The threads' sums
/// are added in the order of their rows and not in that in which threads finish, so that every run gets the same bits.
template <class Add>
at::Tensor sums_over_rows(Rows rows, Add &&add) {
  std::map<int64_t, std::vector<double>> parts;
  std::mutex mutex;
  in_parallel(rows.count, grain(rows), [&](int64_t begin, int64_t end) {
    std::vector<double> sums(2 * rows.channels, 0.0);
    add(begin, Rows{end - begin, rows.channels}, sums.data(), sums.data() + rows.channels);
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

at::Tensor per_channel(const at::Tensor &values, const at::Tensor &like) {
  std::vector<int64_t> shape(like.dim(), 1);
  shape[1] = -1;
  return values.view(shape);
}

}  // namespace

extern "C" {

ctorch_status ctorch_nn_batch_norm_sums(const ctorch_tensor *input, ctorch_tensor **out) {
  return guard([&] {
    const at::Tensor &x = input->value;
    if (x.is_cuda()) {
      constexpr double epsilon = 1e-5;
      auto [mean, inverse_deviation] = at::batch_norm_stats(x, epsilon);
      double count = static_cast<double>(x.numel() / x.size(1));
      at::Tensor center = mean.to(at::kDouble);
      at::Tensor variance = (inverse_deviation.to(at::kDouble).pow(-2) - epsilon).clamp_min(0);
      *out = wrap(at::stack({center, variance + center * center}) * count);
      return;
    }
    at::Tensor values = as_rows(x);
    Rows rows = rows_of(values);
    with_element_type(values.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      *out = wrap(sums_over_rows(rows, [&](int64_t first, Rows part, double *sum, double *square_sum) {
        add_moments(elements<Element>(values) + first * rows.channels, part, sum, square_sum);
      }));
    });
  });
}

ctorch_status ctorch_nn_batch_norm_gradient_sums(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                 const ctorch_tensor *mean, ctorch_tensor **out) {
  return guard([&] {
    if (input->value.is_cuda()) {
      auto [sum, product_sum, unused_weight, unused_bias] = at::batch_norm_backward_reduce(
          gradient->value, input->value, mean->value, at::ones_like(mean->value), {}, /*input_g=*/true,
          /*weight_g=*/false, /*bias_g=*/false);
      *out = wrap(at::stack({sum, product_sum}).to(at::kDouble));
      return;
    }
    at::Tensor x = as_rows(input->value), dy = as_rows(gradient->value).to(x.scalar_type());
    at::Tensor center = mean->value.to(wide(x.scalar_type())).contiguous();
    Rows rows = rows_of(x);
    with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      using Wide = decltype(widened(Element()));
      *out = wrap(sums_over_rows(rows, [&](int64_t first, Rows part, double *sum, double *product_sum) {
        int64_t start = first * rows.channels;
        add_gradients(elements<Element>(dy) + start, elements<Element>(x) + start, elements<Wide>(center), part, sum,
                      product_sum);
      }));
    });
  });
}

ctorch_status ctorch_nn_batch_norm_input_gradient(const ctorch_tensor *gradient, const ctorch_tensor *input,
                                                  const ctorch_tensor *mean, const ctorch_tensor *gradient_scale,
                                                  const ctorch_tensor *input_scale, const ctorch_tensor *shift,
                                                  ctorch_tensor **out) {
  return guard([&] {
    if (input->value.is_cuda()) {
      const at::Tensor &x = input->value;
      at::Tensor sum = at::addcmul(per_channel(shift->value, x), gradient->value, per_channel(gradient_scale->value, x));
      sum.addcmul_(x - per_channel(mean->value, x), per_channel(input_scale->value, x));
      *out = wrap(sum.to(x.scalar_type()));
      return;
    }
    at::Tensor x = as_rows(input->value), dy = as_rows(gradient->value).to(x.scalar_type());
    auto vector = [&](const ctorch_tensor *tensor) { return tensor->value.to(wide(x.scalar_type())).contiguous(); };
    at::Tensor center = vector(mean), a = vector(gradient_scale), b = vector(input_scale), c = vector(shift);
    at::Tensor result = at::empty_like(x);
    Rows rows = rows_of(x);
    with_element_type(x.scalar_type(), [&](auto *type) {
      using Element = std::remove_pointer_t<decltype(type)>;
      using Wide = decltype(widened(Element()));
      in_parallel(rows.count, grain(rows), [&](int64_t begin, int64_t end) {
        int64_t start = begin * rows.channels;
        combine(elements<Element>(dy) + start, elements<Element>(x) + start, elements<Wide>(center), elements<Wide>(a),
                elements<Wide>(b), elements<Wide>(c), Rows{end - begin, rows.channels},
                mutable_elements<Element>(result) + start);
      });
    });
    *out = wrap(result.to(input->value.scalar_type()));
  });
}

}  // extern "C"
