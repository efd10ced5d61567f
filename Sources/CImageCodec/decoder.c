#include "exif.h"
#include "jpeg_reader.h"
#include "png_reader.h"

#include <stdlib.h>
#include <string.h>

typedef enum { FORMAT_NONE, FORMAT_JPEG, FORMAT_PNG } image_format;

struct cimagecodec_decoder {
  image_format format;  // none unless an image was begun with success
  const uint8_t *bytes;
  size_t byte_count;
  int orientation;
  size_t stored_width, stored_height;
  jpeg_reader jpeg;
  png_reader png;
  pixel_buffer pixels, upright;
};

cimagecodec_decoder *cimagecodec_decoder_create(void) { return calloc(1, sizeof(cimagecodec_decoder)); }

void cimagecodec_decoder_use_only_libjpeg(cimagecodec_decoder *decoder) { decoder->jpeg.uses_only_libjpeg = 1; }

void cimagecodec_decoder_destroy(cimagecodec_decoder *decoder) {
  if (!decoder) return;
  jpeg_reader_destroy(&decoder->jpeg);
  png_reader_destroy(&decoder->png);
  pixel_buffer_free(&decoder->pixels);
  pixel_buffer_free(&decoder->upright);
  free(decoder);
}

// EXIF's orientations as a mirroring of the stored columns, then of the stored rows, then an exchange of both.
static int mirrors_columns(int orientation) {
  return orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
}
static int mirrors_rows(int orientation) {
  return orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
}
static int is_transposed(int orientation) { return orientation >= 5; }

static void exchange(size_t *first, size_t *second) {
  size_t kept = *first;
  *first = *second;
  *second = kept;
}

static image_format format_of(const uint8_t *bytes, size_t byte_count) {
  static const uint8_t jpeg[] = {0xFF, 0xD8, 0xFF}, png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1A, '\n'};
  if (byte_count >= sizeof jpeg && memcmp(bytes, jpeg, sizeof jpeg) == 0) return FORMAT_JPEG;
  if (byte_count >= sizeof png && memcmp(bytes, png, sizeof png) == 0) return FORMAT_PNG;
  return FORMAT_NONE;
}

static int refuse_format(const uint8_t *bytes, size_t byte_count, char *error) {
  if (byte_count == 0) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "expected a JPEG or PNG image, got an empty file");
    return 1;
  }
  int length = snprintf(
      error, CIMAGECODEC_ERROR_SIZE, "expected a JPEG or PNG image, got something else: its first bytes are");
  for (size_t i = 0; i < byte_count && i < 4; i++) length += snprintf(error + length, 4, " %02x", bytes[i]);
  return 1;
}

// Writes the reader's reason after what was attempted. The image has to be begun anew.
static int refuse_image(cimagecodec_decoder *decoder, const char *text, char *error) {
  const char *name = decoder->format == FORMAT_JPEG ? "JPEG" : "PNG";
  snprintf(error, CIMAGECODEC_ERROR_SIZE, "cannot decode this %s: %.*s", name, CIMAGECODEC_ERROR_SIZE - 32, text);
  decoder->format = FORMAT_NONE;
  return 1;
}

int cimagecodec_decoder_begin(
    cimagecodec_decoder *decoder, const uint8_t *bytes, size_t byte_count, int applies_orientation, size_t *width,
    size_t *height, char error[CIMAGECODEC_ERROR_SIZE]) {
  char text[CIMAGECODEC_ERROR_SIZE] = "";
  *width = *height = 0;
  pixel_buffer_trim(&decoder->pixels);
  pixel_buffer_trim(&decoder->upright);
  decoder->format = format_of(bytes, byte_count);
  decoder->bytes = bytes;
  decoder->byte_count = byte_count;
  decoder->orientation = 1;

  if (decoder->format == FORMAT_JPEG) {
    if (jpeg_reader_begin(&decoder->jpeg, bytes, byte_count, text)) return refuse_image(decoder, text, error);
    decoder->stored_width = decoder->jpeg.codec.image_width;
    decoder->stored_height = decoder->jpeg.codec.image_height;
    if (applies_orientation) decoder->orientation = decoder->jpeg.orientation;
  } else if (decoder->format == FORMAT_PNG) {
    if (png_reader_begin(&decoder->png, bytes, byte_count, text)) return refuse_image(decoder, text, error);
    decoder->stored_width = png_get_image_width(decoder->png.codec, decoder->png.info);
    decoder->stored_height = png_get_image_height(decoder->png.codec, decoder->png.info);
    if (applies_orientation) decoder->orientation = png_orientation(bytes, byte_count);
  } else {
    return refuse_format(bytes, byte_count, error);
  }
  *width = decoder->stored_width;
  *height = decoder->stored_height;
  if (is_transposed(decoder->orientation)) exchange(width, height);
  return 0;
}

// The decoded region holds the stored image; turns the part `wanted` of it, in stored coordinates, upright.
static int turn_upright(cimagecodec_decoder *decoder, cimagecodec_rectangle wanted, cimagecodec_region *decoded) {
  int orientation = decoder->orientation;
  ptrdiff_t right = 3, down = (ptrdiff_t)decoded->bytes_per_row;
  const uint8_t *source = decoded->pixels + (wanted.top - decoded->frame.top) * decoded->bytes_per_row +
                          (wanted.left - decoded->frame.left) * 3;
  cimagecodec_rectangle frame = wanted;
  if (mirrors_columns(orientation)) {
    source += right * (ptrdiff_t)(wanted.width - 1);
    right = -right;
    frame.left = decoded->scaled_width - wanted.left - wanted.width;
  }
  if (mirrors_rows(orientation)) {
    source += down * (ptrdiff_t)(wanted.height - 1);
    down = -down;
    frame.top = decoded->scaled_height - wanted.top - wanted.height;
  }
  if (is_transposed(orientation)) {
    ptrdiff_t kept = right;
    right = down;
    down = kept;
    exchange(&frame.left, &frame.top);
    exchange(&frame.width, &frame.height);
    exchange(&decoded->scaled_width, &decoded->scaled_height);
  }
  uint8_t *destination = pixel_buffer_reserve(&decoder->upright, frame.width * frame.height * 3);
  if (!destination) return 1;
  decoded->pixels = destination;
  decoded->bytes_per_row = frame.width * 3;
  decoded->frame = frame;
  for (size_t y = 0; y < frame.height; y++, source += down) {
    const uint8_t *pixel = source;
    for (size_t x = 0; x < frame.width; x++, pixel += right, destination += 3) {
      destination[0] = pixel[0];
      destination[1] = pixel[1];
      destination[2] = pixel[2];
    }
  }
  return 0;
}

int cimagecodec_decoder_decode(
    cimagecodec_decoder *decoder, cimagecodec_rectangle region, int scale_denominator, cimagecodec_region *decoded,
    char error[CIMAGECODEC_ERROR_SIZE]) {
  char text[CIMAGECODEC_ERROR_SIZE] = "";
  int is_jpeg = decoder->format == FORMAT_JPEG, orientation = decoder->orientation;
  memset(decoded, 0, sizeof *decoded);
  if (decoder->format == FORMAT_NONE) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "cannot decode: no image was begun");
    return 1;
  }
  size_t scale = is_jpeg ? (size_t)scale_denominator : 1;
  size_t scaled_width = (decoder->stored_width + scale - 1) / scale;
  size_t scaled_height = (decoder->stored_height + scale - 1) / scale;

  // Upright at full scale, upright scaled, then as stored.
  cimagecodec_rectangle wanted = {region.left / scale, region.top / scale, 0, 0};
  wanted.width = (region.left + region.width + scale - 1) / scale - wanted.left;
  wanted.height = (region.top + region.height + scale - 1) / scale - wanted.top;
  if (is_transposed(orientation)) {
    exchange(&wanted.left, &wanted.top);
    exchange(&wanted.width, &wanted.height);
  }
  if (mirrors_columns(orientation)) wanted.left = scaled_width - wanted.left - wanted.width;
  if (mirrors_rows(orientation)) wanted.top = scaled_height - wanted.top - wanted.height;

  int failed = is_jpeg ? jpeg_reader_decode(
                             &decoder->jpeg, decoder->bytes, decoder->byte_count, wanted, scale_denominator,
                             &decoder->pixels, decoded, text)
                       : png_reader_decode(
                             &decoder->png, decoder->bytes, decoder->byte_count, wanted, &decoder->pixels, decoded, text);
  if (failed) return refuse_image(decoder, text, error);
  decoded->scale_denominator = (int)scale;
  decoded->scaled_width = scaled_width;
  decoded->scaled_height = scaled_height;
  if (orientation != 1 && turn_upright(decoder, wanted, decoded)) {
    snprintf(text, sizeof text, "no memory for %zu x %zu pixels", wanted.width, wanted.height);
    return refuse_image(decoder, text, error);
  }
  return 0;
}
