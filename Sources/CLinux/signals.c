#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "CLinux.h"

static const int caught[] = {SIGINT, SIGTERM, SIGCHLD, SIGPIPE};
enum { CAUGHT_COUNT = sizeof caught / sizeof *caught };

// A handler gets nothing passed but the signal's number: where to write it has to be global.
static volatile sig_atomic_t watcher = -1;
static struct sigaction before[CAUGHT_COUNT];
static sigset_t mask_before;

static void tell(int number) {
  int error = errno;
  unsigned char byte = (unsigned char)number;
  // A full pipe wakes its reader anyway.
  ssize_t ignored = write((int)watcher, &byte, 1);
  (void)ignored;
  errno = error;
}

int linux_signals_watch(int descriptor) {
  watcher = descriptor;
  // Who started this process may have left them blocked.
  sigset_t wanted;
  sigemptyset(&wanted);
  for (int i = 0; i < CAUGHT_COUNT; i++) sigaddset(&wanted, caught[i]);
  pthread_sigmask(SIG_UNBLOCK, &wanted, &mask_before);
  for (int i = 0; i < CAUGHT_COUNT; i++) {
    struct sigaction action = {.sa_handler = caught[i] == SIGPIPE ? SIG_IGN : tell, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(caught[i], &action, &before[i]) != 0) return errno;
  }
  return 0;
}

void linux_signals_restore(void) {
  for (int i = 0; i < CAUGHT_COUNT; i++) sigaction(caught[i], &before[i], NULL);
  pthread_sigmask(SIG_SETMASK, &mask_before, NULL);
  watcher = -1;
}

void linux_signals_end(void) {
  static const int numbers[] = {SIGQUIT, SIGABRT};
  struct sigaction action = {.sa_handler = SIG_DFL};
  sigemptyset(&action.sa_mask);
  // Who started this process may have left them blocked.
  sigset_t wanted;
  sigemptyset(&wanted);
  for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
    sigaction(numbers[i], &action, NULL);
    sigaddset(&wanted, numbers[i]);
  }
  pthread_sigmask(SIG_UNBLOCK, &wanted, NULL);
}
