#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CLinux.h"

#ifndef CLOSE_RANGE_CLOEXEC
#define CLOSE_RANGE_CLOEXEC (1U << 2)
#endif

enum { MAXIMUM_CORES = 8192 };

typedef enum { STEP_START, STEP_PARENT, STEP_OUTPUT, STEP_CORES, STEP_RUN } step_number;

static const char *const step_names[] = {
    "start a process", "be ended with the supervisor", "connect its output", "pin it to its cores", "run it"};

// What the child tells when it does not come to run its program.
typedef struct {
  step_number step;
  int error;
} failure;

static void fail(int report, step_number step) {
  failure failure = {step, errno};
  // Where even this cannot be written, the parent sees a process that ended at once.
  ssize_t ignored = write(report, &failure, sizeof failure);
  (void)ignored;
  _exit(127);
}

// Descriptors that libraries opened without thinking of children (listening sockets, say) must not live on in workers.
static void let_go_of_descriptors(int first) {
  if (syscall(SYS_close_range, (unsigned)first, ~0U, CLOSE_RANGE_CLOEXEC) == 0) return;
  // Kernels before 5.11.
  struct rlimit limit;
  int end = getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < 65536 ? (int)limit.rlim_cur : 65536;
  for (int descriptor = first; descriptor < end; descriptor++) fcntl(descriptor, F_SETFD, FD_CLOEXEC);
}

static void connect_output(const linux_start *start, int report) {
  int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
  if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0) fail(report, STEP_OUTPUT);
  if (start->output >= 0 && dup2(start->output, STDOUT_FILENO) < 0) fail(report, STEP_OUTPUT);
  if (start->errors >= 0 && dup2(start->errors, STDERR_FILENO) < 0) fail(report, STEP_OUTPUT);
  if (start->report < 0) return;
  if (dup2(start->report, LINUX_REPORT_DESCRIPTOR) < 0) fail(report, STEP_OUTPUT);
  // It may have had that number before, and would be closed with its program's start.
  if (fcntl(LINUX_REPORT_DESCRIPTOR, F_SETFD, 0) != 0) fail(report, STEP_OUTPUT);
}

static void take_signals(void) {
  struct sigaction action = {.sa_handler = SIG_DFL};
  size_t count;
  const int *numbers = linux_stop_signals(&count);
  for (size_t i = 0; i < count; i++) sigaction(numbers[i], &action, NULL);
  sigaction(SIGCHLD, &action, NULL);
  sigaction(SIGPIPE, &action, NULL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, NULL);
}

// Between fork and exec, where other threads may have left any lock taken: only what POSIX calls async-signal-safe, and
// plain system calls.
static void become(const linux_start *start, const cpu_set_t *cores, size_t cores_size, pid_t parent, int report) {
  setpgid(0, 0);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) fail(report, STEP_PARENT);
  // Ended before the line above, the parent sends nothing.
  if (getppid() != parent) _exit(127);
  // Out of the way of the descriptors that the program gets.
  int moved = fcntl(report, F_DUPFD_CLOEXEC, LINUX_REPORT_DESCRIPTOR + 1);
  if (moved < 0) fail(report, STEP_OUTPUT);
  report = moved;
  connect_output(start, report);
  if (cores && sched_setaffinity(0, cores_size, cores) != 0) fail(report, STEP_CORES);
  let_go_of_descriptors(start->report >= 0 ? LINUX_REPORT_DESCRIPTOR + 1 : LINUX_REPORT_DESCRIPTOR);
  take_signals();
  execve(start->executable, start->arguments, start->environment);
  fail(report, STEP_RUN);
}

// Returns whether the child told of a failure; its end of the pipe closes when its program runs.
static int read_failure(int report, failure *failure) {
  ssize_t count;
  do count = read(report, failure, sizeof *failure);
  while (count < 0 && errno == EINTR);
  return count == (ssize_t)sizeof *failure;
}

static int fork_and_watch(
    const linux_start *start, const cpu_set_t *cores, size_t cores_size, pid_t *process, step_number *step) {
  int report[2];
  if (pipe2(report, O_CLOEXEC) != 0) return errno;
  // A handler of the parent's must not run in the child.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  pid_t parent = getpid();
  pid_t child = fork();
  int error = errno;
  if (child == 0) become(start, cores, cores_size, parent, report[1]);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  close(report[1]);
  failure failure;
  if (child > 0) {
    error = 0;
    // The child does it too: whoever comes first, the group is there when this returns.
    setpgid(child, child);
    if (read_failure(report[0], &failure)) {
      *step = failure.step;
      error = failure.error;
      while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {}
    }
  }
  close(report[0]);
  *process = child;
  return error;
}

int linux_spawn(const linux_start *start, pid_t *process, const char **step) {
  step_number number = STEP_START;
  cpu_set_t *cores = NULL;
  size_t size = CPU_ALLOC_SIZE(MAXIMUM_CORES);
  *step = step_names[number];
  if (start->core_count > 0) {
    cores = CPU_ALLOC(MAXIMUM_CORES);
    if (!cores) return ENOMEM;
    CPU_ZERO_S(size, cores);
    for (size_t i = 0; i < start->core_count; i++) CPU_SET_S((size_t)start->cores[i], size, cores);
  }
  int error = fork_and_watch(start, cores, size, process, &number);
  if (cores) CPU_FREE(cores);
  *step = step_names[number];
  return error;
}

int linux_pipe(int ends[2]) { return pipe2(ends, O_CLOEXEC | O_NONBLOCK) == 0 ? 0 : errno; }

int linux_cores(int *cores, int capacity) {
  size_t size = CPU_ALLOC_SIZE(MAXIMUM_CORES);
  cpu_set_t *set = CPU_ALLOC(MAXIMUM_CORES);
  if (!set) return -1;
  int count = -1;
  if (sched_getaffinity(0, size, set) == 0) {
    count = 0;
    for (int core = 0; core < MAXIMUM_CORES; core++) {
      if (!CPU_ISSET_S((size_t)core, size, set)) continue;
      if (count < capacity) cores[count] = core;
      count++;
    }
  }
  CPU_FREE(set);
  return count;
}
