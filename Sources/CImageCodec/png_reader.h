// Reads PNG files, one after another, by libpng.
#ifndef CIMAGECODEC_PNG_READER_H
#define CIMAGECODEC_PNG_READER_H

#include "CImageCodec.h"
#include "pixel_buffer.h"

#include <png.h>

typedef struct {
  png_structp codec;  // NULL unless a header was read that decoding has not used up
  png_infop info;
  const uint8_t *bytes;
  size_t remaining;
  png_bytep *rows;  // of an interlaced image
} png_reader;

// Reads the header; the size is in `info`.
int png_reader_begin(png_reader *reader, const uint8_t *bytes, size_t byte_count, char *error);

// Decodes the part `wanted` of the image to memory of the buffer.
int png_reader_decode(
    png_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, pixel_buffer *buffer,
    cimagecodec_region *decoded, char *error);

void png_reader_destroy(png_reader *reader);

#endif
