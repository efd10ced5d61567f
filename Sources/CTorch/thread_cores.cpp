// Operations divide their work in equal parts, one for each thread, and wait for the last one. Threads that the system
// puts on one core together, because other cores are busy with other programs, wait for each other's turns: then a step
// takes many times as long. With a core for each of them, it waits only where another program shares that core.
#include "thread_cores.hpp"

#include <ATen/Parallel.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "guard.hpp"
#include "parallel.hpp"

using namespace ctorch;

namespace {

/// More than Linux knows of.
constexpr int kMostCores = 8192;

/// A set of cores of any machine; cpu_set_t has room for 1,024.
struct CoreSet {
  std::vector<cpu_set_t> bits = std::vector<cpu_set_t>(kMostCores / CPU_SETSIZE);

  size_t bytes() const { return bits.size() * sizeof(cpu_set_t); }

  std::vector<int> cores() const {
    std::vector<int> result;
    for (int core = 0; core < kMostCores; ++core) {
      if (CPU_ISSET_S(core, bytes(), bits.data())) result.push_back(core);
    }
    return result;
  }

  void add(int core) { CPU_SET_S(core, bytes(), bits.data()); }

  static bool of_this_thread(CoreSet &out) { return sched_getaffinity(0, out.bytes(), out.bits.data()) == 0; }

  /// A core may have been taken from the process meanwhile: then the thread stays where the system has it.
  void apply() const { (void)sched_setaffinity(0, bytes(), bits.data()); }
};

/// The threads of the one training that has them on cores.
struct Placement {
  /// Where the thread that began it could run before.
  CoreSet before;
  /// The core of each thread.
  std::vector<int> cores;
};

std::mutex mutex;
/// Changed under the lock, and while no operation of the thread that holds it runs.
std::unique_ptr<Placement> placement;

/// Whether this thread is the one that holds it.
thread_local bool is_holder = false;
/// The core this thread keeps to; -1 for any.
thread_local int own_core = -1;

bool is_first_thread_of_process() { return syscall(SYS_gettid) == getpid(); }

}  // namespace

namespace ctorch {

bool keeps_to_cores() { return is_holder; }

void keep_to_core(int thread) {
  if (thread >= static_cast<int>(placement->cores.size()) || own_core == placement->cores[thread]) return;
  own_core = placement->cores[thread];
  CoreSet one;
  one.add(own_core);
  one.apply();
}

}  // namespace ctorch

extern "C" {

bool ctorch_threads_keep_to_cores(void) {
  bool keeps = false;
  guard([&] {
    std::lock_guard<std::mutex> lock(mutex);
    // Other threads may be several that train at the same time.
    if (placement || !is_first_thread_of_process()) return;
    CoreSet allowed;
    if (!CoreSet::of_this_thread(allowed)) return;
    std::vector<int> cores = allowed.cores();
    const auto threads = static_cast<size_t>(at::get_num_threads());
    // With fewer threads than cores the system finds free ones better than a fixed choice does.
    if (threads < 2 || threads != cores.size()) return;
    placement = std::make_unique<Placement>(Placement{std::move(allowed), std::move(cores)});
    keeps = is_holder = true;
    in_parallel(static_cast<int64_t>(threads), 1, [](int64_t, int64_t) {});
  });
  return keeps;
}

void ctorch_threads_run_anywhere(void) {
  guard([&] {
    std::lock_guard<std::mutex> lock(mutex);
    if (!is_holder) return;
    is_holder = false;
    const CoreSet &before = placement->before;
    in_parallel(static_cast<int64_t>(placement->cores.size()), 1, [&](int64_t, int64_t) {
      before.apply();
      own_core = -1;
    });
    placement.reset();
  });
}

void ctorch_thread_runs_anywhere(void) {
  std::lock_guard<std::mutex> lock(mutex);
  if (placement && own_core < 0) placement->before.apply();
}

}  // extern "C"
