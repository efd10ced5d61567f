// How threads go through rows of channels. The kernels are bound by memory: each thread moves 16 bytes at a time, and
// has several of them on their way.
//
// Threads of a block lie in x over channels and in y over rows, so that neighbors read neighboring bytes.
#pragma once
#include "batch_norm.hpp"
#include "elements.hpp"

namespace kernels {

/// Threads of a block that goes through rows.
constexpr int row_threads = 256;
/// Rows that a thread loads before it uses the first of them: what hides the memory's latency, bought with registers.
constexpr int rows_at_once = 4, gradient_rows_at_once = 2;
/// Packs of channels side by side in one block, at most: a warp.
constexpr unsigned most_packs_across = 32;
/// Blocks for each multiprocessor: as many as leave few parts to add, or few threads idle at the end.
constexpr int64_t summing_blocks = 4, applying_blocks = 16;

constexpr int64_t quotient_rounded_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

/// Spreads threads over rows of channels, `width` channels a thread.
inline Grid grid_over(const ctorch_rows &rows, int width, int64_t blocks) {
  const int64_t packs = quotient_rounded_up(rows.channels, width);
  unsigned threads_x = 1;
  while (threads_x < most_packs_across && threads_x < packs) threads_x *= 2;
  const unsigned threads_y = row_threads / threads_x;
  const int64_t blocks_x = quotient_rounded_up(packs, threads_x);
  const int64_t useful = quotient_rounded_up(rows.rows, static_cast<int64_t>(threads_y) * rows_at_once);
  constexpr int64_t most_blocks_y = 65535;
  const int64_t blocks_y = std::clamp<int64_t>(blocks / blocks_x, 1, std::min(useful, most_blocks_y));
  return {static_cast<unsigned>(blocks_x), static_cast<unsigned>(blocks_y), threads_x, threads_y};
}

inline Grid grid_for_sums(const ctorch_rows &rows, int width, const Queue &queue) {
  return grid_over(rows, width, summing_blocks * queue.processors);
}

inline Grid grid_for_elements(const ctorch_rows &rows, int width, const Queue &queue) {
  return grid_over(rows, width, applying_blocks * queue.processors);
}

/// Calls `use(row, load(row))` for the rows of a thread, with several loads ahead of the first use.
template <int at_once, class Load, class Use>
ON_DEVICE void for_each_row(const Place &at, int64_t rows, const Load &load_row, const Use &use) {
  const int64_t step = at.row_step();
  for (int64_t first = at.row(); first < rows; first += at_once * step) {
    decltype(load_row(first)) loaded[at_once];
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (first + i * step < rows) loaded[i] = load_row(first + i * step);
    }
#pragma unroll
    for (int i = 0; i < at_once; ++i) {
      if (first + i * step < rows) use(first + i * step, loaded[i]);
    }
  }
}

}  // namespace kernels
