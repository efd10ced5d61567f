// Memory for pixels that is kept from image to image.
#ifndef CIMAGECODEC_PIXEL_BUFFER_H
#define CIMAGECODEC_PIXEL_BUFFER_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  uint8_t *data;
  size_t capacity;
} pixel_buffer;

// At least `size` bytes whose contents are undefined; NULL when there is no memory.
uint8_t *pixel_buffer_reserve(pixel_buffer *buffer, size_t size);

// Gives a large buffer back, before an image that may need much less.
void pixel_buffer_trim(pixel_buffer *buffer);

void pixel_buffer_free(pixel_buffer *buffer);

#endif
