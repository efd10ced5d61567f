// Libraries that are loaded when their files are first met, so that the program runs on a machine without them.
#ifndef CIMAGECODEC_OPTIONAL_LIBRARY_H
#define CIMAGECODEC_OPTIONAL_LIBRARY_H

#include <stddef.h>

typedef struct {
  const char *name;
  void *place;  // the pointer to the function, in the table of the reader
} library_function;

typedef struct {
  const char *name;  // libwebp.so.7: the version that its header was compiled for
  const library_function *functions;
  size_t function_count;
  enum { LIBRARY_UNTRIED, LIBRARY_LOADED, LIBRARY_MISSING } state;
} optional_library;

// Loads it unless it is loaded, and fills the table. Returns whether all of it is there; any thread may ask.
int optional_library_load(optional_library *library);

#endif
