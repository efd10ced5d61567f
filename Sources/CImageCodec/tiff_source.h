// A file in memory, which libtiff reads in place: the functions that it asks for.
#ifndef CIMAGECODEC_TIFF_SOURCE_H
#define CIMAGECODEC_TIFF_SOURCE_H

#include <stdint.h>

#include <tiffio.h>

typedef struct {
  const uint8_t *bytes;
  toff_t count, position;
} tiff_source;

tmsize_t tiff_source_read(thandle_t handle, void *destination, tmsize_t count);
tmsize_t tiff_source_write(thandle_t handle, void *bytes, tmsize_t count);
toff_t tiff_source_seek(thandle_t handle, toff_t offset, int from);
int tiff_source_close(thandle_t handle);
toff_t tiff_source_size(thandle_t handle);
int tiff_source_map(thandle_t handle, void **base, toff_t *size);
void tiff_source_unmap(thandle_t handle, void *base, toff_t size);

#endif
