#include "tiff_source.h"

#include <stdio.h>
#include <string.h>

tmsize_t tiff_source_read(thandle_t handle, void *destination, tmsize_t count) {
  tiff_source *source = handle;
  toff_t left = source->position < source->count ? source->count - source->position : 0;
  if (count < 0) return 0;
  if ((toff_t)count > left) count = (tmsize_t)left;
  memcpy(destination, source->bytes + source->position, (size_t)count);
  source->position += (toff_t)count;
  return count;
}

tmsize_t tiff_source_write(thandle_t handle, void *bytes, tmsize_t count) {
  (void)handle, (void)bytes, (void)count;
  return 0;
}

toff_t tiff_source_seek(thandle_t handle, toff_t offset, int from) {
  tiff_source *source = handle;
  source->position = from == SEEK_SET ? offset : from == SEEK_CUR ? source->position + offset : source->count + offset;
  return source->position;
}

int tiff_source_close(thandle_t handle) {
  (void)handle;
  return 0;
}

toff_t tiff_source_size(thandle_t handle) { return ((tiff_source *)handle)->count; }

int tiff_source_map(thandle_t handle, void **base, toff_t *size) {
  tiff_source *source = handle;
  *base = (void *)source->bytes;
  *size = source->count;
  return 1;
}

void tiff_source_unmap(thandle_t handle, void *base, toff_t size) { (void)handle, (void)base, (void)size; }
