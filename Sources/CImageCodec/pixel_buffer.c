#include "pixel_buffer.h"

#include <stdlib.h>

// Larger buffers are not kept.
static const size_t kept_bytes = 64 << 20;

uint8_t *pixel_buffer_reserve(pixel_buffer *buffer, size_t size) {
  if (buffer->capacity < size) {
    free(buffer->data);
    buffer->data = malloc(size);
    buffer->capacity = buffer->data ? size : 0;
  }
  return buffer->data;
}

void pixel_buffer_trim(pixel_buffer *buffer) {
  if (buffer->capacity > kept_bytes) pixel_buffer_free(buffer);
}

void pixel_buffer_free(pixel_buffer *buffer) {
  free(buffer->data);
  *buffer = (pixel_buffer){0};
}
