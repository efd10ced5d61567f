// What c10d and NCCL read from the environment. It is set when the program is loaded, before there are threads that could
// read it, and only where people have not set it.
#include <cstdlib>

namespace {

struct Choice {
  const char *name;
  /// An older name, which counts as well; may be NULL.
  const char *older_name;
  const char *value;
};

constexpr Choice kChoices[] = {
    // c10d's flight recorder lists the process groups without taking its lock (libtorch 2.11), so that groups that begin at
    // the same time on several threads can bring the process down, and notes down every exchange for a dump that nobody
    // here asks for.
    {"TORCH_FR_BUFFER_SIZE", "TORCH_NCCL_TRACE_BUFFER_SIZE", "0"},
    // When an exchange fails, the watchdog of each NCCL group notes it (`Backend::getError`) and does nothing else: by
    // default it holds everything up for a minute and then ends the process by SIGABRT.
    {"TORCH_NCCL_ASYNC_ERROR_HANDLING", "NCCL_ASYNC_ERROR_HANDLING", "0"},
    {"TORCH_NCCL_WAIT_TIMEOUT_DUMP_MILSEC", nullptr, "0"},
    {"TORCH_NCCL_RETHROW_CUDA_ERRORS", nullptr, "0"},
    // So does its second thread, where the first one stands still or another process's watchdog asks for a dump.
    {"TORCH_NCCL_DUMP_ON_TIMEOUT", nullptr, "0"},
    {"TORCH_NCCL_ENABLE_MONITORING", nullptr, "0"},
    // Groups have communicators of their own, which are used at once. Two processes that ran their exchanges in different
    // orders would wait for each other for ever: with this, NCCL runs them in the order of the program.
    {"NCCL_LAUNCH_ORDER_IMPLICIT", nullptr, "1"},
};

[[maybe_unused]] const bool has_chosen = [] {
  for (const Choice &choice : kChoices) {
    if (!choice.older_name || !std::getenv(choice.older_name)) setenv(choice.name, choice.value, /*overwrite=*/0);
  }
  return true;
}();

}  // namespace
