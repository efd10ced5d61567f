#include "CImageCodec.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <png.h>

typedef struct {
  const uint8_t *bytes;
  size_t remaining;
} png_input;

static void leave_with_text(png_structp codec, png_const_charp text) {
  char *error = png_get_error_ptr(codec);
  if (!error[0]) snprintf(error, CIMAGECODEC_ERROR_SIZE, "%s", text);
  png_longjmp(codec, 1);
}

static void ignore_warning(png_structp codec, png_const_charp text) {
  (void)codec;
  (void)text;
}

static void read_bytes(png_structp codec, png_bytep destination, size_t count) {
  png_input *input = png_get_io_ptr(codec);
  if (count > input->remaining) png_error(codec, "the PNG data ends before the image is complete");
  memcpy(destination, input->bytes, count);
  input->bytes += count;
  input->remaining -= count;
}

int cimagecodec_decode_png(
    const uint8_t *bytes, size_t byte_count, uint8_t **pixels, size_t *width, size_t *height,
    char error[CIMAGECODEC_ERROR_SIZE]) {
  png_input input = {bytes, byte_count};
  png_infop volatile info = NULL;
  uint8_t *volatile output = NULL;
  png_bytep *volatile rows = NULL;
  *pixels = NULL;
  *width = *height = 0;
  error[0] = 0;

  png_structp codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, error, leave_with_text, ignore_warning);
  if (!codec) {
    if (!error[0]) snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory to decode");
    return 1;
  }
  if (setjmp(png_jmpbuf(codec))) {
    png_infop created = info;
    png_destroy_read_struct(&codec, created ? &created : NULL, NULL);
    free(output);
    free(rows);
    return 1;
  }
  info = png_create_info_struct(codec);
  if (!info) png_error(codec, "no memory to decode");
  png_set_read_fn(codec, &input, read_bytes);
  // libpng's own limit is a million on each side; ours is on the product, checked below before memory is taken.
  png_set_user_limits(codec, 0x7fffffff, 0x7fffffff);
  png_read_info(codec, info);

  size_t columns = png_get_image_width(codec, info), lines = png_get_image_height(codec, info);
  if ((unsigned long long)columns * lines > CIMAGECODEC_MAXIMUM_PIXELS) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "declares %zu x %zu pixels, more than 100 megapixels", columns, lines);
    png_longjmp(codec, 1);
  }
  png_set_scale_16(codec);
  png_set_expand(codec);
  png_set_gray_to_rgb(codec);
  png_set_strip_alpha(codec);
  png_set_interlace_handling(codec);
  png_read_update_info(codec, info);
  if (png_get_rowbytes(codec, info) != columns * 3) png_error(codec, "a kind of PNG that does not expand to RGB");

  output = malloc(columns * lines * 3);
  rows = malloc(lines * sizeof *rows);
  if (!output || !rows) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory for %zu x %zu pixels", columns, lines);
    png_longjmp(codec, 1);
  }
  for (size_t y = 0; y < lines; y++) rows[y] = output + y * columns * 3;
  png_read_image(codec, rows);
  png_read_end(codec, NULL);

  png_infop created = info;
  png_destroy_read_struct(&codec, &created, NULL);
  free(rows);
  *pixels = output;
  *width = columns;
  *height = lines;
  return 0;
}
