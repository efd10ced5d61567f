// What the supervisor needs of Linux and Swift cannot call: starting a process with the calls that belong between fork
// and exec, signals, limits, and cores.
#ifndef CLINUX_H
#define CLINUX_H

#include <stddef.h>
#include <sys/types.h>

enum { LINUX_REPORT_DESCRIPTOR = 3 };

typedef struct {
  const char *executable;
  // Both end with NULL.
  char *const *arguments;
  char *const *environment;
  // What becomes standard output and standard error; -1 leaves the caller's.
  int output;
  int errors;
  // What becomes descriptor LINUX_REPORT_DESCRIPTOR; -1: nothing.
  int report;
  // Cores to be pinned to; none leaves the caller's.
  const int *cores;
  size_t core_count;
} linux_start;

// Starts a process in a process group of its own, which has no other descriptors than those below, reads nothing, takes all signals, and
// is killed when the calling thread ends, however it ends.
//
// Returns 0, or an errno and in `step` what could not be done ("run it", …).
int linux_spawn(const linux_start *start, pid_t *process, const char **step);

// Makes a pipe whose ends do not block and are not inherited. Returns 0 or an errno.
int linux_pipe(int ends[2]);

// The signals that ask a process to end.
const int *linux_stop_signals(size_t *count);

// Whether a signal does nothing, for who started this process wanted it so.
int linux_signal_is_ignored(int number);

// From now on those signals and SIGCHLD are written to the descriptor, a byte each, and SIGPIPE is ignored, as are signals
// that were, but for SIGINT and SIGTERM. One watcher in a process, since signals belong to the process. Returns 0 or an
// errno.
int linux_signals_watch(int descriptor);

// Signals do again what they did before `linux_signals_watch`.
void linux_signals_restore(void);

// Lets this process, and those that it starts, open as many files and connections as the system lets it.
void linux_raise_descriptor_limit(void);

// SIGQUIT and SIGABRT end the process, whatever a library has made of them.
void linux_signals_end(void);

// A file that grows beyond the limit that it has gives an error, as on a full disk, rather than end the process.
void linux_file_limit_gives_errors(void);

// The lock of a whole file that is open for writing, which ends with the process (or when `descriptor` is closed) and holds
// among the machines that share the file over NFS, too. Returns 0, EAGAIN when another has it, or another error number.
int linux_lock_file(int descriptor);

// Writes the numbers of the cores that this thread may run on, and returns how many there are (which may be more than
// `capacity`), or -1 with errno set.
int linux_cores(int *cores, int capacity);

#endif
