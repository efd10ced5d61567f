// Kinds of images that are read by one call each for the header and for the pixels. JPEG and PNG, whose readers keep more
// from image to image, are not among them.
#ifndef CIMAGECODEC_IMAGE_FORMAT_H
#define CIMAGECODEC_IMAGE_FORMAT_H

#include "CImageCodec.h"
#include "optional_library.h"
#include "pixel_buffer.h"

#include <stdio.h>

typedef struct {
  size_t width, height;        // as stored
  int orientation;             // 1...8 as EXIF counts
  int is_always_turned;        // the orientation belongs to the format, and is applied whether EXIF's is or not
  int has_more;                // frames or pages beside the one that is read
} image_header;

typedef struct {
  optional_library *library;  // NULL where none is needed
  const char *package;        // Debian's name of it

  // Reads the header. Refuses what is cut off as far as that shows without decoding, more pixels than the limit, and kinds
  // that are not read.
  int (*begin)(const uint8_t *bytes, size_t byte_count, image_header *header, char *error);

  // Decodes the part `wanted` of the stored image to memory of the buffer; `header` is what `begin` found. Of the frame's
  // pixels only those in `wanted` need to be right.
  int (*decode)(
      const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
      pixel_buffer *buffer, cimagecodec_region *decoded, char *error);
} image_format;

extern const image_format webp_format, tiff_format, gif_format, bmp_format, avif_format, heic_format;

// Writes a line and returns 1.
int refuse(char *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

// Refuses a file that is cut off, in the words of all formats.
int refuse_cut_off(const char *name, char *error);

// Refuses more pixels than the limit, and none; 0 where the size is good.
int refuse_size(size_t width, size_t height, char *error);

// Memory for `frame` as RGB without gaps, described in `decoded`; NULL, with a line in `error`, where there is none.
uint8_t *reserve_frame(
    cimagecodec_rectangle frame, pixel_buffer *buffer, cimagecodec_region *decoded, char *error);

// 256 colors of three bytes: levels of gray, which is what an index means that a palette does not have.
void fill_gray_palette(uint8_t palette[256 * 3]);

// What is left of the light after the inks, 255 being all of it: K takes some, and each of the others a share of the rest.
void inks_to_rgb(const uint8_t inks[4], uint8_t rgb[3]);

static inline unsigned little16(const uint8_t *bytes) { return bytes[0] | (unsigned)bytes[1] << 8; }
static inline uint32_t little24(const uint8_t *bytes) { return little16(bytes) | (uint32_t)bytes[2] << 16; }
static inline uint32_t little32(const uint8_t *bytes) { return little16(bytes) | (uint32_t)little16(bytes + 2) << 16; }
static inline uint32_t big32(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

#endif
