#include "jpeg_failure.h"

#include <stdlib.h>
#include <string.h>

int cimagecodec_encode_jpeg(
    const uint8_t *pixels, size_t width, size_t height, int quality, uint8_t **bytes, size_t *byte_count,
    char error[CIMAGECODEC_ERROR_SIZE]) {
  // Outside the frame that setjmp saves: libjpeg-turbo writes here as its buffer grows.
  struct {
    unsigned char *data;
    unsigned long size;
  } *encoded = calloc(1, sizeof *encoded);
  struct jpeg_compress_struct codec;
  jpeg_failure failure;
  *bytes = NULL;
  *byte_count = 0;
  error[0] = 0;
  if (!encoded) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory to encode");
    return 1;
  }

  memset(&codec, 0, sizeof codec);
  codec.err = jpeg_failure_prepare(&failure);
  failure.text = error;
  if (setjmp(failure.start)) {
    jpeg_destroy_compress(&codec);
    free(encoded->data);
    free(encoded);
    return 1;
  }
  jpeg_create_compress(&codec);
  jpeg_mem_dest(&codec, &encoded->data, &encoded->size);
  codec.image_width = (JDIMENSION)width;
  codec.image_height = (JDIMENSION)height;
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_set_quality(&codec, quality, TRUE);
  jpeg_start_compress(&codec, TRUE);
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW row = (JSAMPROW)(pixels + (size_t)codec.next_scanline * width * 3);
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  *bytes = encoded->data;
  *byte_count = encoded->size;
  free(encoded);
  return 0;
}

void cimagecodec_free(uint8_t *buffer) { free(buffer); }
