#include "CImageCodec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

int cimagecodec_encode_png(
    const uint8_t *pixels, size_t width, size_t height, uint8_t **bytes, size_t *byte_count,
    char error[CIMAGECODEC_ERROR_SIZE]) {
  *bytes = NULL;
  *byte_count = 0;
  error[0] = 0;
  png_image image;
  memset(&image, 0, sizeof image);
  image.version = PNG_IMAGE_VERSION;
  image.width = (png_uint_32)width;
  image.height = (png_uint_32)height;
  image.format = PNG_FORMAT_RGB;

  // As large as it may become; what it does become is known after.
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  uint8_t *encoded = malloc(size);
  if (!encoded) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory to encode");
    return 1;
  }
  if (!png_image_write_to_memory(&image, encoded, &size, 0, pixels, 0, NULL)) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "%s", image.message);
    png_image_free(&image);
    free(encoded);
    return 1;
  }
  *bytes = encoded;
  *byte_count = size;
  return 0;
}
