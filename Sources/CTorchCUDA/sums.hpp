// Two sums a channel, in two levels: each block adds up its rows in the order of its threads and leaves one part a
// channel; a second kernel adds the parts in their order. No atomics, hence the same bits in every run.
#pragma once
#include "rows.hpp"

namespace kernels {

/// Parts are added by blocks of so many channels and so many threads a channel.
constexpr unsigned total_channels = 32, total_lanes = 32;

/// Adds up two sums for each channel over the rows of a block, into parts `[blocks, 2, C]`.
template <class Terms>
struct BlockSums {
  static constexpr int threads = row_threads, least_blocks = 2, width = Terms::width;
  static constexpr bool ends_together = true;

  Terms terms;
  int64_t rows, channels;
  float *parts;

  struct Shared {
    float first[threads * width], second[threads * width];
  };

  ON_DEVICE void each(const Place &at, Shared &shared) const {
    float first[width] = {}, second[width] = {};
    const int64_t channel = at.column() * width;
    if (channel < channels) {
      float center[width];
      for (int i = 0; i < width; ++i) center[i] = terms.center(channel + i);
      for_each_row<Terms::at_once>(
          at, rows, [&](int64_t row) { return terms.load_at(row * channels + channel); },
          [&](int64_t, const typename Terms::Values &values) { terms.add(values, center, first, second); });
    }
    for (int i = 0; i < width; ++i) {
      shared.first[at.thread() * width + i] = first[i];
      shared.second[at.thread() * width + i] = second[i];
    }
  }

  ON_DEVICE void together(const Place &at, Shared &shared) const {
    const unsigned across = at.grid.threads_x * width;
    for (unsigned index = at.thread(); index < across; index += threads) {
      const int64_t channel = static_cast<int64_t>(at.block_x) * across + index;
      if (channel >= channels) return;
      float first = 0, second = 0;
      for (unsigned y = 0; y < at.grid.threads_y; ++y) {
        first += shared.first[y * across + index];
        second += shared.second[y * across + index];
      }
      parts[2 * at.block_y * channels + channel] = first;
      parts[(2 * at.block_y + 1) * channels + channel] = second;
    }
  }
};

/// Adds up the parts of each channel in float64 and hands both sums to `finish`.
template <class Finish>
struct TotalSums {
  static constexpr int threads = total_channels * total_lanes, least_blocks = 1;
  static constexpr bool ends_together = true;

  Finish finish;
  const float *parts;
  int64_t part_count, channels;

  struct Shared {
    double first[threads], second[threads];
  };

  static Grid grid(int64_t channels) {
    return {static_cast<unsigned>(quotient_rounded_up(channels, total_channels)), 1, total_channels, total_lanes};
  }

  ON_DEVICE void each(const Place &at, Shared &shared) const {
    double first = 0, second = 0;
    const int64_t channel = at.column();
    if (channel < channels) {
      for (int64_t part = at.thread_y; part < part_count; part += total_lanes) {
        first += parts[2 * part * channels + channel];
        second += parts[(2 * part + 1) * channels + channel];
      }
    }
    shared.first[at.thread()] = first;
    shared.second[at.thread()] = second;
  }

  ON_DEVICE void together(const Place &at, Shared &shared) const {
    if (at.thread_y != 0 || at.column() >= channels) return;
    double first = 0, second = 0;
    for (unsigned lane = 0; lane < total_lanes; ++lane) {
      first += shared.first[lane * total_channels + at.thread_x];
      second += shared.second[lane * total_channels + at.thread_x];
    }
    finish(at.column(), first, second);
  }
};

/// Both levels.
template <class Terms, class Finish>
const char *add_up(const ctorch_rows &rows, const Queue &queue, const Terms &terms, const Finish &finish,
                   void *scratch) {
  const Grid grid = grid_for_sums(rows, Terms::width, queue);
  float *parts = static_cast<float *>(scratch);
  if (const char *reason = launch(grid, queue.stream, BlockSums<Terms>{terms, rows.rows, rows.channels, parts})) {
    return reason;
  }
  return launch(TotalSums<Finish>::grid(rows.channels), queue.stream,
                TotalSums<Finish>{finish, parts, grid.blocks_y, rows.channels});
}

}  // namespace kernels
