#include "image_format.h"

#include <stdarg.h>

int refuse(char *error, const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(error, CIMAGECODEC_ERROR_SIZE, format, arguments);
  va_end(arguments);
  // The words of libraries may have several lines.
  for (char *place = error; *place; place++) {
    if ((unsigned char)*place < ' ') *place = ' ';
  }
  return 1;
}

int refuse_cut_off(const char *name, char *error) {
  return refuse(error, "the %s data ends before the image is complete", name);
}

int refuse_size(size_t width, size_t height, char *error) {
  if (width == 0 || height == 0) return refuse(error, "declares %zu x %zu pixels", width, height);
  // Neither side has more than 32 bits, so that the product does not overflow.
  if ((unsigned long long)width * height > CIMAGECODEC_MAXIMUM_PIXELS) {
    return refuse(error, "declares %zu x %zu pixels, more than 100 megapixels", width, height);
  }
  return 0;
}

uint8_t *reserve_frame(
    cimagecodec_rectangle frame, pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  uint8_t *pixels = pixel_buffer_reserve(buffer, frame.width * frame.height * 3);
  if (!pixels) refuse(error, "no memory for %zu x %zu pixels", frame.width, frame.height);
  decoded->pixels = pixels;
  decoded->bytes_per_row = frame.width * 3;
  decoded->frame = frame;
  return pixels;
}

void fill_gray_palette(uint8_t palette[256 * 3]) {
  for (int i = 0; i < 256 * 3; i++) palette[i] = (uint8_t)(i / 3);
}

void inks_to_rgb(const uint8_t inks[4], uint8_t rgb[3]) {
  int light = 255 - inks[3];
  for (int channel = 0; channel < 3; channel++) {
    int product = light * inks[channel] + 128;
    rgb[channel] = (uint8_t)(light - (((product >> 8) + product) >> 8));
  }
}
