#include "CImageCodec.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jerror.h>
#include <jpeglib.h>

// libjpeg reports failure by calling a function that must not return; this one jumps back to where work began.
typedef struct {
  struct jpeg_error_mgr manager;  // first, so that a pointer to it is a pointer to this
  jmp_buf start;
  char *text;
} jpeg_failure;

static void leave_with_text(j_common_ptr codec) {
  jpeg_failure *failure = (jpeg_failure *)codec->err;
  char text[JMSG_LENGTH_MAX];
  codec->err->format_message(codec, text);
  snprintf(failure->text, CIMAGECODEC_ERROR_SIZE, "%s", text);
  longjmp(failure->start, 1);
}

static void judge_message(j_common_ptr codec, int level) {
  if (level < 0 && codec->err->msg_code == JWRN_JPEG_EOF) {
    jpeg_failure *failure = (jpeg_failure *)codec->err;
    snprintf(failure->text, CIMAGECODEC_ERROR_SIZE, "the JPEG data ends before the image is complete");
    longjmp(failure->start, 1);
  }
}

static void ignore_message(j_common_ptr codec) { (void)codec; }

static struct jpeg_error_mgr *prepare(jpeg_failure *failure, char *text) {
  struct jpeg_error_mgr *manager = jpeg_std_error(&failure->manager);
  manager->error_exit = leave_with_text;
  manager->emit_message = judge_message;
  manager->output_message = ignore_message;
  failure->text = text;
  return manager;
}

// Adobe's convention stores inks inverted, so that a stored 255 is no ink; what is left of the light after black is
// reduced by each ink's share of it.
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
  for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    int light = cmyk[3];
    for (int channel = 0; channel < 3; channel++) {
      int product = light * (255 - cmyk[channel]) + 128;
      rgb[channel] = (uint8_t)(light - (((product >> 8) + product) >> 8));
    }
  }
}

int cimagecodec_decode_jpeg(
    const uint8_t *bytes, size_t byte_count, uint8_t **pixels, size_t *width, size_t *height,
    char error[CIMAGECODEC_ERROR_SIZE]) {
  struct jpeg_decompress_struct codec;
  jpeg_failure failure;
  uint8_t *volatile output = NULL;
  *pixels = NULL;
  *width = *height = 0;
  error[0] = 0;

  memset(&codec, 0, sizeof codec);
  codec.err = prepare(&failure, error);
  if (setjmp(failure.start)) {
    jpeg_destroy_decompress(&codec);
    free(output);
    return 1;
  }
  jpeg_create_decompress(&codec);
  jpeg_mem_src(&codec, bytes, (unsigned long)byte_count);
  jpeg_read_header(&codec, TRUE);

  size_t columns = codec.image_width, rows = codec.image_height;
  if ((unsigned long long)columns * rows > CIMAGECODEC_MAXIMUM_PIXELS) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "declares %zu x %zu pixels, more than 100 megapixels", columns, rows);
    longjmp(failure.start, 1);
  }
  int is_cmyk = codec.jpeg_color_space == JCS_CMYK || codec.jpeg_color_space == JCS_YCCK;
  codec.out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  codec.dct_method = JDCT_ISLOW;
  jpeg_start_decompress(&codec);

  output = malloc(columns * rows * 3);
  if (!output) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory for %zu x %zu pixels", columns, rows);
    longjmp(failure.start, 1);
  }
  JSAMPARRAY inks = is_cmyk
      ? (*codec.mem->alloc_sarray)((j_common_ptr)&codec, JPOOL_IMAGE, (JDIMENSION)columns * 4, 1)
      : NULL;
  while (codec.output_scanline < codec.output_height) {
    uint8_t *row = output + (size_t)codec.output_scanline * columns * 3;
    if (is_cmyk) {
      jpeg_read_scanlines(&codec, inks, 1);
      cmyk_to_rgb(inks[0], row, columns);
    } else {
      jpeg_read_scanlines(&codec, &row, 1);
    }
  }
  jpeg_finish_decompress(&codec);
  jpeg_destroy_decompress(&codec);
  *pixels = output;
  *width = columns;
  *height = rows;
  return 0;
}

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
  codec.err = prepare(&failure, error);
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
