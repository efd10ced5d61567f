// What a contrastive loss does to each similarity of a block, in one pass over it: exponentials, and their sums or their
// weights. Loops of our own for float32 on the CPU, libtorch's operations for everything else.
#include <ATen/ATen.h>

#include <bit>
#include <vector>

#include "guard.hpp"
#include "parallel.hpp"

using namespace ctorch;

namespace {

/// Compiled for AVX-512 and AVX2 as well, and chosen at run time.
#define FOR_EACH_CPU __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#define INLINE inline __attribute__((always_inline))

/// Elements that are computed together, so that their sums stay in registers.
constexpr int64_t kLanes = 32;

/// exp(x) for x up to 88, within 2e-7 of itself; 0 for −88 and less, where float32 ends. NaN stays NaN.
///
/// 2^(x log2 e), whose whole part becomes the exponent, and the rest, f in [-1/2, 1/2], a polynomial that is off by 2e-8 at
/// most (minimax of the relative error).
INLINE float exponential(float x) {
  constexpr float log2_e = 1.44269502f, log2_e_rest = 1.92596303e-8f;
  constexpr float least = -127 / log2_e;
  /// Adding it rounds to a whole number, which is then in the lowest bits.
  constexpr float rounder = 12582912;
  x = x < least ? least : x;
  const float shifted = x * log2_e + rounder, whole = shifted - rounder;
  float f = x * log2_e - whole;
  f = x * log2_e_rest + f;
  float power = 0.000153533198f;
  power = power * f + 0.00133989262f;
  power = power * f + 0.00961843785f;
  power = power * f + 0.0555033237f;
  power = power * f + 0.240226477f;
  power = power * f + 0.693147182f;
  power = power * f + 1;
  return power * std::bit_cast<float>((std::bit_cast<uint32_t>(shifted) + 127) << 23);
}

/// Rows of a block in memory, one after another.
struct Rows {
  float *elements;
  int64_t count, columns;
};

/// Each element becomes its exponential; row_sums[row] and column_sums[column] grow by it.
FOR_EACH_CPU void exponentiate(Rows rows, double *row_sums, float *column_sums) {
  for (int64_t row = 0; row < rows.count; ++row) {
    float *values = rows.elements + row * rows.columns;
    float sums[kLanes] = {};
    int64_t column = 0;
    for (; column + kLanes <= rows.columns; column += kLanes) {
      for (int64_t i = 0; i < kLanes; ++i) {
        float value = exponential(values[column + i]);
        values[column + i] = value;
        sums[i] += value;
        column_sums[column + i] += value;
      }
    }
    for (int64_t i = 0; column < rows.columns; ++column, ++i) {
      float value = exponential(values[column]);
      values[column] = value;
      sums[i] += value;
      column_sums[column] += value;
    }
    double sum = 0;
    for (float part : sums) sum += part;
    row_sums[row] += sum;
  }
}

/// Each element x becomes exp(x) times the sum of its row's and its column's weight.
FOR_EACH_CPU void weigh(Rows rows, const float *row_weights, const float *__restrict column_weights) {
  for (int64_t row = 0; row < rows.count; ++row) {
    float *__restrict values = rows.elements + row * rows.columns;
    const float row_weight = row_weights[row];
    for (int64_t column = 0; column < rows.columns; ++column) {
      values[column] = exponential(values[column]) * (row_weight + column_weights[column]);
    }
  }
}

/// Rows that one thread takes at a time. Their column sums are float32, and are added to the others' in the order of rows, so
/// that they have the same bits however many threads there are.
constexpr int64_t kChunk = 64;

Rows rows_of(const at::Tensor &block, int64_t number) {
  const int64_t first = number * kChunk, columns = block.size(1);
  return {static_cast<float *>(block.mutable_data_ptr()) + first * columns, std::min(kChunk, block.size(0) - first), columns};
}

template <class Body>
void for_each_chunk(const at::Tensor &block, const Body &body) {
  in_parallel((block.size(0) + kChunk - 1) / kChunk, 1, [&](int64_t first, int64_t end) {
    for (int64_t number = first; number < end; ++number) body(number);
  });
}

bool has_loops(const at::Tensor &block) {
  return block.is_cpu() && block.scalar_type() == at::kFloat && block.is_contiguous();
}

/// A float64 vector on the CPU that its caller may write to.
double *sums_of(const at::Tensor &vector, int64_t count) {
  TORCH_CHECK(vector.scalar_type() == at::kDouble && vector.is_contiguous() && vector.numel() == count, "expected ", count,
              " sums in float64, got ", vector.sizes());
  return static_cast<double *>(vector.mutable_data_ptr());
}

const float *weights_of(const at::Tensor &vector, int64_t count) {
  TORCH_CHECK(vector.scalar_type() == at::kFloat && vector.is_contiguous() && vector.numel() == count, "expected ", count,
              " weights in float32, got ", vector.sizes());
  return static_cast<const float *>(vector.const_data_ptr());
}

}  // namespace

extern "C" {

ctorch_status ctorch_contrast_exponentiate_(ctorch_tensor *logits, ctorch_tensor *row_sums, ctorch_tensor *column_sums) {
  return guard([&] {
    at::Tensor &block = logits->value;
    if (!has_loops(block)) {
      block.exp_();
      row_sums->value.add_(block.sum(1));
      if (column_sums) column_sums->value.add_(block.sum(0));
      return;
    }
    const int64_t rows = block.size(0), columns = block.size(1), chunks = (rows + kChunk - 1) / kChunk;
    double *row_totals = sums_of(row_sums->value, rows);
    double *column_totals = column_sums ? sums_of(column_sums->value, columns) : nullptr;
    std::vector<float> parts(chunks * columns);
    for_each_chunk(block, [&](int64_t number) {
      exponentiate(rows_of(block, number), row_totals + number * kChunk, parts.data() + number * columns);
    });
    if (!column_totals) return;
    for (int64_t number = 0; number < chunks; ++number) {
      for (int64_t column = 0; column < columns; ++column) column_totals[column] += parts[number * columns + column];
    }
  });
}

ctorch_status ctorch_contrast_weigh_(ctorch_tensor *logits, const ctorch_tensor *row_weights,
                                     const ctorch_tensor *column_weights) {
  return guard([&] {
    at::Tensor &block = logits->value;
    if (!has_loops(block)) {
      block.exp_().mul_(row_weights->value.unsqueeze(1) + column_weights->value);
      return;
    }
    const float *rows = weights_of(row_weights->value, block.size(0));
    const float *columns = weights_of(column_weights->value, block.size(1));
    for_each_chunk(block, [&](int64_t number) { weigh(rows_of(block, number), rows + number * kChunk, columns); });
  });
}

}  // extern "C"
