#include "CDownload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <zlib.h>

static int damaged(char *error, const char *text) {
  snprintf(error, CDOWNLOAD_ERROR_SIZE, "%s", text);
  return CDOWNLOAD_DAMAGED;
}

static int expand(gzFile source, FILE *target, char *error) {
  char piece[1 << 16];
  for (;;) {
    int count = gzread(source, piece, sizeof piece), code;
    // What is not compressed would be passed on as it is.
    if (count > 0 && gzdirect(source)) return damaged(error, "it is not compressed by gzip");
    if (count < 0) return damaged(error, gzerror(source, &code));
    if (count == 0) {
      const char *text = gzerror(source, &code);
      return code == Z_OK || code == Z_STREAM_END ? CDOWNLOAD_EXPANDED : damaged(error, text);
    }
    if (fwrite(piece, 1, (size_t)count, target) < (size_t)count) return CDOWNLOAD_NOT_EXPANDED;
  }
}

int cdownload_expand(const char *source, const char *path, char error[CDOWNLOAD_ERROR_SIZE]) {
  gzFile compressed = gzopen(source, "rb");
  if (!compressed) return damaged(error, strerror(errno));
  FILE *target = fopen(path, "wb");
  if (!target) {
    int reason = errno;
    gzclose_r(compressed);
    errno = reason;
    return CDOWNLOAD_NOT_EXPANDED;
  }
  int result = expand(compressed, target, error), reason = errno;
  if (fclose(target) != 0 && result == CDOWNLOAD_EXPANDED) {
    result = CDOWNLOAD_NOT_EXPANDED;
    reason = errno;
  }
  gzclose_r(compressed);
  errno = reason;
  return result;
}
