#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "CLinux.h"

// By which schedulers, terminals, machines that lose power, and people say that the process will have to end.
static const int stops[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGXCPU, SIGPWR, SIGALRM};
enum { STOP_COUNT = sizeof stops / sizeof *stops, CAUGHT_COUNT = STOP_COUNT + 2 };

const int *linux_stop_signals(size_t *count) {
  *count = STOP_COUNT;
  return stops;
}

int linux_signal_is_ignored(int number) {
  struct sigaction action;
  return sigaction(number, NULL, &action) == 0 && !(action.sa_flags & SA_SIGINFO) && action.sa_handler == SIG_IGN;
}

static int caught(int place) { return place < STOP_COUNT ? stops[place] : place == STOP_COUNT ? SIGCHLD : SIGPIPE; }

// Who started this process may want some of them ignored: `nohup` does SIGHUP.
static int stays_ignored(int number) {
  return number != SIGINT && number != SIGTERM && number != SIGCHLD && linux_signal_is_ignored(number);
}

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
  for (int i = 0; i < CAUGHT_COUNT; i++) sigaddset(&wanted, caught(i));
  pthread_sigmask(SIG_UNBLOCK, &wanted, &mask_before);
  for (int i = 0; i < CAUGHT_COUNT; i++) {
    int number = caught(i), is_ignored = number == SIGPIPE || stays_ignored(number);
    struct sigaction action = {.sa_handler = is_ignored ? SIG_IGN : tell, .sa_flags = SA_RESTART};
    sigemptyset(&action.sa_mask);
    if (sigaction(number, &action, &before[i]) != 0) return errno;
  }
  return 0;
}

void linux_signals_restore(void) {
  for (int i = 0; i < CAUGHT_COUNT; i++) sigaction(caught(i), &before[i], NULL);
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
