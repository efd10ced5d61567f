// Loops of our own on the threads of libtorch's operations.
#pragma once
#include <ATen/Parallel.h>
#include <dlfcn.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <exception>

namespace ctorch {

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

}  // namespace ctorch
