#include "optional_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <string.h>

static int load(const optional_library *library) {
  void *handle = dlopen(library->name, RTLD_NOW | RTLD_LOCAL);
  if (!handle) return 0;
  for (size_t i = 0; i < library->function_count; i++) {
    void *function = dlsym(handle, library->functions[i].name);
    if (!function) return 0;
    memcpy(library->functions[i].place, &function, sizeof function);
  }
  return 1;
}

int optional_library_load(optional_library *library) {
  static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  pthread_mutex_lock(&lock);
  if (library->state == LIBRARY_UNTRIED) library->state = load(library) ? LIBRARY_LOADED : LIBRARY_MISSING;
  int is_loaded = library->state == LIBRARY_LOADED;
  pthread_mutex_unlock(&lock);
  return is_loaded;
}
