// Loops of our own on the threads of libtorch's operations.
#pragma once
#include <ATen/Parallel.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

#include "thread_cores.hpp"

// Of the OpenMP runtime that libtorch brings, which a compiler without OpenMP has no header of.
extern "C" {
void GOMP_parallel(void (*body)(void *), void *context, unsigned threads, unsigned flags);
int omp_get_thread_num(void);
int omp_get_num_threads(void);
}

namespace ctorch {

/// Runs `body(first, end)` over parts of `count` on the threads of libtorch's operations.
///
/// at::parallel_for is a template, which a compiler without OpenMP makes a plain loop. So the runtime is called by its own
/// names. An exception that left one of its threads would end the process: the first one of the threads
/// is thrown on the calling thread instead.
template <class Body>
void in_parallel(int64_t count, int64_t grain, const Body &body) {
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), (count + grain - 1) / grain);
  if (threads <= 1) return body(0, count);
  struct Task {
    const Body &body;
    int64_t count;
    bool keeps_to_cores = ctorch::keeps_to_cores();
    std::atomic_flag has_failed = ATOMIC_FLAG_INIT;
    std::exception_ptr failure = nullptr;
  } task{body, count};
  auto run = [](void *context) {
    Task &task = *static_cast<Task *>(context);
    if (task.keeps_to_cores) keep_to_core(omp_get_thread_num());
    const int64_t threads = omp_get_num_threads(), length = (task.count + threads - 1) / threads;
    const int64_t first = std::min(task.count, omp_get_thread_num() * length);
    if (first >= task.count) return;
    try {
      task.body(first, std::min(task.count, first + length));
    } catch (...) {
      if (!task.has_failed.test_and_set()) task.failure = std::current_exception();
    }
  };
  GOMP_parallel(run, &task, static_cast<unsigned>(threads), 0);
  if (task.failure) std::rethrow_exception(task.failure);
}

}  // namespace ctorch
