// Reads JPEG files, one after another, by libjpeg or, where that gives the same pixels, by the decoder in baseline.h.
#ifndef CIMAGECODEC_JPEG_READER_H
#define CIMAGECODEC_JPEG_READER_H

#include "baseline.h"
#include "jpeg_failure.h"
#include "pixel_buffer.h"

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

// Reads the header; the size is in `codec`, and `orientation` is EXIF's.
int jpeg_reader_begin(jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, char *error);

// Decodes the part `wanted` of the scaled image to memory of the buffer.
int jpeg_reader_decode(
    jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, int scale_denominator,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error);

void jpeg_reader_destroy(jpeg_reader *reader);

#endif
