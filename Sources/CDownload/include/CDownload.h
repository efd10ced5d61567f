// What it takes to get a published archive: libcurl and zlib. Functions return 0, or another value after writing one line
// of text to `error`.
#ifndef CDOWNLOAD_H
#define CDOWNLOAD_H

#include <stdint.h>

enum { CDOWNLOAD_ERROR_SIZE = 256 };

// Why a download ended.
enum {
  CDOWNLOAD_DONE = 0,
  CDOWNLOAD_NO_LIBRARY,    // libcurl is not installed
  CDOWNLOAD_NOT_RESUMED,   // the server cannot send a part of the file
  CDOWNLOAD_NO_CONNECTION, // the network failed; another time may do
  CDOWNLOAD_NOT_WRITTEN,   // the disk refused
  CDOWNLOAD_REFUSED,       // the server has no such file, or libcurl does not know the address
};

// Told now and then how many bytes of the file there are.
typedef void (*cdownload_progress)(void *context, int64_t bytes);

// Downloads a file to `path`, of which the first `present` bytes are there already. Proxies are those of the environment.
// A connection is waited for half a minute, and given up when nothing comes for a minute. libcurl is looked for only here:
// the program runs where it is not installed.
int cdownload_fetch(
    const char *address, const char *path, int64_t present, cdownload_progress progress, void *context,
    char error[CDOWNLOAD_ERROR_SIZE]);

// Why a file could not be decompressed.
enum { CDOWNLOAD_EXPANDED = 0, CDOWNLOAD_DAMAGED, CDOWNLOAD_NOT_EXPANDED };

// Decompresses a gzip file. When its writing fails, `errno` says why.
int cdownload_expand(const char *source, const char *path, char error[CDOWNLOAD_ERROR_SIZE]);

#endif
