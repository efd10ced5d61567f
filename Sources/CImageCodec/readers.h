// What decoder.c and the readers of the two formats share.
#ifndef CIMAGECODEC_READERS_H
#define CIMAGECODEC_READERS_H

#include "baseline.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

// Memory for pixels that is kept from image to image.
typedef struct {
  uint8_t *data;
  size_t capacity;
} pixel_buffer;

// At least `size` bytes whose contents are undefined; NULL when there is no memory.
uint8_t *pixel_buffer_reserve(pixel_buffer *buffer, size_t size);

// libjpeg and libpng report failure by calling a function that must not return; ours write a line of text and jump back
// to where work began.

typedef struct {
  struct jpeg_error_mgr manager;  // first, so that a pointer to it is a pointer to this
  jmp_buf start;
  char *text;
} jpeg_failure;

struct jpeg_error_mgr *jpeg_failure_prepare(jpeg_failure *failure);

typedef struct {
  struct jpeg_decompress_struct codec;  // first, so that a pointer to it is a pointer to this
  jpeg_failure failure;
  struct jpeg_progress_mgr progress;
  void *(*allocate_small)(j_common_ptr, int, size_t);
  int is_created;
  int has_header;  // read, and not yet used up by decoding
  int has_exif, orientation;
  baseline_decoder *baseline;  // NULL until it is needed
  int uses_only_libjpeg;
} jpeg_reader;

int jpeg_reader_begin(jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, char *error);
// `wanted` is a part of the scaled image.
int jpeg_reader_decode(
    jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, int scale_denominator,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error);
void jpeg_reader_destroy(jpeg_reader *reader);

typedef struct {
  png_structp codec;  // NULL unless a header was read that decoding has not used up
  png_infop info;
  const uint8_t *bytes;
  size_t remaining;
  png_bytep *rows;  // of an interlaced image
} png_reader;

int png_reader_begin(png_reader *reader, const uint8_t *bytes, size_t byte_count, char *error);
int png_reader_decode(
    png_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, pixel_buffer *buffer,
    cimagecodec_region *decoded, char *error);
void png_reader_destroy(png_reader *reader);

// EXIF's orientation, 1...8; 1 where the data do not say or make no sense.
int exif_orientation(const uint8_t *tiff, size_t count);
int png_orientation(const uint8_t *bytes, size_t byte_count);

#endif
