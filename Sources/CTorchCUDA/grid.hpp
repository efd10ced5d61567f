// How a kernel is spread over a device: by CUDA where its compiler reads this, else by loops on the CPU, so that tests
// run the same bodies without a GPU.
//
// A kernel is a struct: `each` is what every thread does first, `together` what it does once all threads of its block
// have done that. The two share `Shared`. A block has at most `threads` threads, and a multiprocessor room for
// `least_blocks`.
#pragma once
#include <algorithm>
#include <cstdint>

#ifdef __CUDACC__
#include <cuda_runtime.h>
#define ON_DEVICE __device__ __forceinline__
#else
#define ON_DEVICE inline
#endif

struct CUstream_st;

namespace kernels {

/// cudaStream_t, which only CUDA's headers know.
using Stream = CUstream_st *;

struct Grid {
  unsigned blocks_x, blocks_y, threads_x, threads_y;
};

/// Which thread of a grid is meant.
struct Place {
  Grid grid;
  unsigned block_x, block_y, thread_x, thread_y;

  ON_DEVICE unsigned thread() const { return thread_y * grid.threads_x + thread_x; }
  ON_DEVICE int64_t column() const { return static_cast<int64_t>(block_x) * grid.threads_x + thread_x; }
  ON_DEVICE int64_t row() const { return static_cast<int64_t>(block_y) * grid.threads_y + thread_y; }
  /// Rows that the whole grid is at, at a time.
  ON_DEVICE int64_t row_step() const { return static_cast<int64_t>(grid.blocks_y) * grid.threads_y; }
};

/// For kernels whose threads share nothing.
struct Nothing {};

#ifdef __CUDACC__

template <class Kernel>
__global__ void __launch_bounds__(Kernel::threads, Kernel::least_blocks) run(const Kernel kernel) {
  __shared__ typename Kernel::Shared shared;
  const Place place{{gridDim.x, gridDim.y, blockDim.x, blockDim.y}, blockIdx.x, blockIdx.y, threadIdx.x, threadIdx.y};
  kernel.each(place, shared);
  if constexpr (Kernel::ends_together) {
    __syncthreads();
    kernel.together(place, shared);
  }
}

/// Puts the kernel on the stream; gives NULL, or CUDA's reason why not.
template <class Kernel>
const char *launch(const Grid &grid, Stream stream, const Kernel &kernel) {
  run<<<dim3(grid.blocks_x, grid.blocks_y), dim3(grid.threads_x, grid.threads_y), 0, stream>>>(kernel);
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

#else

template <class Kernel>
const char *launch(const Grid &grid, Stream, const Kernel &kernel) {
  auto for_each_thread = [&](unsigned block_x, unsigned block_y, auto &&body) {
    for (unsigned y = 0; y < grid.threads_y; ++y) {
      for (unsigned x = 0; x < grid.threads_x; ++x) body(Place{grid, block_x, block_y, x, y});
    }
  };
  for (unsigned block_y = 0; block_y < grid.blocks_y; ++block_y) {
    for (unsigned block_x = 0; block_x < grid.blocks_x; ++block_x) {
      typename Kernel::Shared shared;
      for_each_thread(block_x, block_y, [&](const Place &place) { kernel.each(place, shared); });
      if constexpr (Kernel::ends_together) {
        for_each_thread(block_x, block_y, [&](const Place &place) { kernel.together(place, shared); });
      }
    }
  }
  return nullptr;
}

#endif

}  // namespace kernels
