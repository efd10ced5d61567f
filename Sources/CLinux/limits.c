#include <signal.h>
#include <sys/resource.h>

#include "CLinux.h"

void linux_raise_descriptor_limit(void) {
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

void linux_file_limit_gives_errors(void) { signal(SIGXFSZ, SIG_IGN); }
