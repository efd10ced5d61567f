#include "bmff.h"
#include "exif.h"
#include "image_format.h"
#include "jpeg_reader.h"
#include "png_reader.h"

#include <stdlib.h>
#include <string.h>

struct cimagecodec_decoder {
  cimagecodec_kind kind;  // none unless an image was begun with success
  const uint8_t *bytes;
  size_t byte_count;
  int orientation;
  image_header header;
  jpeg_reader jpeg;
  png_reader png;
  pixel_buffer pixels, upright;
  int uses_no_optional_library;
};

// By kind; JPEG and PNG have readers of their own.
static const struct {
  const char *name;
  const image_format *format;
} kinds[CIMAGECODEC_KIND_COUNT] = {
    [CIMAGECODEC_NONE] = {"image", NULL},          [CIMAGECODEC_JPEG] = {"JPEG", NULL},
    [CIMAGECODEC_PNG] = {"PNG", NULL},             [CIMAGECODEC_WEBP] = {"WebP", &webp_format},
    [CIMAGECODEC_TIFF] = {"TIFF", &tiff_format},   [CIMAGECODEC_GIF] = {"GIF", &gif_format},
    [CIMAGECODEC_BMP] = {"BMP", &bmp_format},      [CIMAGECODEC_AVIF] = {"AVIF", &avif_format},
    [CIMAGECODEC_HEIC] = {"HEIC", &heic_format},
};

cimagecodec_decoder *cimagecodec_decoder_create(void) { return calloc(1, sizeof(cimagecodec_decoder)); }

void cimagecodec_decoder_use_only_libjpeg(cimagecodec_decoder *decoder) { decoder->jpeg.uses_only_libjpeg = 1; }

void cimagecodec_decoder_use_no_optional_library(cimagecodec_decoder *decoder) {
  decoder->uses_no_optional_library = 1;
}

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

static int begins_with(const uint8_t *bytes, size_t byte_count, const char *signature, size_t length) {
  return byte_count >= length && memcmp(bytes, signature, length) == 0;
}

// Two letters say little: a size that is none of a header's shows that a text begins with them.
static int is_bmp(const uint8_t *bytes, size_t byte_count) {
  if (!begins_with(bytes, byte_count, "BM", 2) || byte_count < 18) return 0;
  uint32_t size = little32(bytes + 14);
  return size == 12 || size == 40 || size == 52 || size == 56 || size == 64 || size == 108 || size == 124;
}

cimagecodec_kind cimagecodec_recognize(const uint8_t *bytes, size_t byte_count) {
#define BEGINS_WITH(signature) begins_with(bytes, byte_count, signature, sizeof signature - 1)
  if (BEGINS_WITH("\xFF\xD8\xFF")) return CIMAGECODEC_JPEG;
  if (BEGINS_WITH("\x89PNG\r\n\x1A\n")) return CIMAGECODEC_PNG;
  if (BEGINS_WITH("RIFF") && byte_count >= 12 && memcmp(bytes + 8, "WEBP", 4) == 0) return CIMAGECODEC_WEBP;
  if (BEGINS_WITH("II*\0") || BEGINS_WITH("MM\0*") || BEGINS_WITH("II+\0\b\0\0\0") || BEGINS_WITH("MM\0+\0\b\0\0")) {
    return CIMAGECODEC_TIFF;
  }
  if (BEGINS_WITH("GIF87a") || BEGINS_WITH("GIF89a")) return CIMAGECODEC_GIF;
  if (is_bmp(bytes, byte_count)) return CIMAGECODEC_BMP;
  if (bmff_has_brand(bytes, byte_count, "avifavis")) return CIMAGECODEC_AVIF;
  if (bmff_has_brand(bytes, byte_count, "heicheixheimheishevchevxhevmhevs")) return CIMAGECODEC_HEIC;
#undef BEGINS_WITH
  return CIMAGECODEC_NONE;
}

const char *cimagecodec_kind_name(cimagecodec_kind kind) { return kinds[kind].name; }

int cimagecodec_kind_is_available(cimagecodec_kind kind) {
  const image_format *format = kinds[kind].format;
  return !format || !format->library || optional_library_load(format->library);
}

static int refuse_kind(const uint8_t *bytes, size_t byte_count, char *error) {
  if (byte_count == 0) return refuse(error, "expected an image, got an empty file");
  int length = snprintf(error, CIMAGECODEC_ERROR_SIZE, "expected an image, got something else: its first bytes are");
  for (size_t i = 0; i < byte_count && i < 4; i++) length += snprintf(error + length, 4, " %02x", bytes[i]);
  return 1;
}

// Writes the reader's reason after what was attempted. The image has to be begun anew.
static int refuse_image(cimagecodec_decoder *decoder, const char *text, char *error) {
  const char *name = kinds[decoder->kind].name;
  snprintf(error, CIMAGECODEC_ERROR_SIZE, "cannot decode this %s: %.*s", name, CIMAGECODEC_ERROR_SIZE - 32, text);
  decoder->kind = CIMAGECODEC_NONE;
  return 1;
}

static int begin_jpeg(cimagecodec_decoder *decoder, int applies_orientation, char *text) {
  if (jpeg_reader_begin(&decoder->jpeg, decoder->bytes, decoder->byte_count, text)) return 1;
  decoder->header.width = decoder->jpeg.codec.image_width;
  decoder->header.height = decoder->jpeg.codec.image_height;
  if (applies_orientation) decoder->orientation = decoder->jpeg.orientation;
  return 0;
}

static int begin_png(cimagecodec_decoder *decoder, int applies_orientation, char *text) {
  if (png_reader_begin(&decoder->png, decoder->bytes, decoder->byte_count, text)) return 1;
  decoder->header.width = png_get_image_width(decoder->png.codec, decoder->png.info);
  decoder->header.height = png_get_image_height(decoder->png.codec, decoder->png.info);
  if (applies_orientation) decoder->orientation = png_orientation(decoder->bytes, decoder->byte_count);
  return 0;
}

static int begin_other(cimagecodec_decoder *decoder, int applies_orientation, char *text) {
  const image_format *format = kinds[decoder->kind].format;
  if (format->library && (decoder->uses_no_optional_library || !optional_library_load(format->library))) {
    return refuse(
        text, "%s cannot be loaded; install it (Debian's package %s) or convert these images", format->library->name,
        format->package);
  }
  if (format->begin(decoder->bytes, decoder->byte_count, &decoder->header, text)) return 1;
  if (applies_orientation || decoder->header.is_always_turned) decoder->orientation = decoder->header.orientation;
  return 0;
}

int cimagecodec_decoder_begin(
    cimagecodec_decoder *decoder, const uint8_t *bytes, size_t byte_count, int applies_orientation, size_t *width,
    size_t *height, char error[CIMAGECODEC_ERROR_SIZE]) {
  char text[CIMAGECODEC_ERROR_SIZE] = "";
  *width = *height = 0;
  pixel_buffer_trim(&decoder->pixels);
  pixel_buffer_trim(&decoder->upright);
  decoder->kind = cimagecodec_recognize(bytes, byte_count);
  decoder->bytes = bytes;
  decoder->byte_count = byte_count;
  decoder->orientation = 1;
  decoder->header = (image_header){.orientation = 1};

  if (decoder->kind == CIMAGECODEC_NONE) return refuse_kind(bytes, byte_count, error);
  int failed = decoder->kind == CIMAGECODEC_JPEG  ? begin_jpeg(decoder, applies_orientation, text)
               : decoder->kind == CIMAGECODEC_PNG ? begin_png(decoder, applies_orientation, text)
                                                  : begin_other(decoder, applies_orientation, text);
  if (failed) return refuse_image(decoder, text, error);
  *width = decoder->header.width;
  *height = decoder->header.height;
  if (is_transposed(decoder->orientation)) exchange(width, height);
  return 0;
}

cimagecodec_kind cimagecodec_decoder_kind(const cimagecodec_decoder *decoder) { return decoder->kind; }

int cimagecodec_decoder_has_more(const cimagecodec_decoder *decoder) { return decoder->header.has_more; }

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
  int is_jpeg = decoder->kind == CIMAGECODEC_JPEG, orientation = decoder->orientation;
  memset(decoded, 0, sizeof *decoded);
  if (decoder->kind == CIMAGECODEC_NONE) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "cannot decode: no image was begun");
    return 1;
  }
  size_t scale = is_jpeg ? (size_t)scale_denominator : 1;
  size_t scaled_width = (decoder->header.width + scale - 1) / scale;
  size_t scaled_height = (decoder->header.height + scale - 1) / scale;

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

  int failed;
  if (is_jpeg) {
    failed = jpeg_reader_decode(
        &decoder->jpeg, decoder->bytes, decoder->byte_count, wanted, scale_denominator, &decoder->pixels, decoded, text);
  } else if (decoder->kind == CIMAGECODEC_PNG) {
    failed = png_reader_decode(
        &decoder->png, decoder->bytes, decoder->byte_count, wanted, &decoder->pixels, decoded, text);
  } else {
    failed = kinds[decoder->kind].format->decode(
        decoder->bytes, decoder->byte_count, &decoder->header, wanted, &decoder->pixels, decoded, text);
  }
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
