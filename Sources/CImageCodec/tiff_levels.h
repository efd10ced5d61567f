// From the samples of a TIFF, as libtiff hands them out, to 8-bit levels and RGB.
#ifndef CIMAGECODEC_TIFF_LEVELS_H
#define CIMAGECODEC_TIFF_LEVELS_H

#include <stddef.h>
#include <stdint.h>

typedef struct {
  enum { TIFF_GRAY, TIFF_WHITE_IS_ZERO, TIFF_RGB, TIFF_PALETTE, TIFF_INKS } kind;
  uint16_t count;    // channels of a pixel, others than colors included
  uint16_t colors;   // 1, 3 or 4: the first of them
  uint16_t bits;     // of a sample, 1...16
  int alpha;         // the channel that colors were multiplied by, or -1
} tiff_samples;

// Colors, and alpha where it is needed.
size_t tiff_kept_channels(const tiff_samples *samples);

// Of `count` pixels from the `first` of a row, writes sample `sample` of each `stride` as a level of 0...255 (of a palette:
// its index) to every kept channel's place: `levels`, `levels + kept`, ...
void tiff_take_levels(
    const tiff_samples *samples, const uint8_t *row, size_t first, size_t count, size_t sample, size_t stride,
    uint8_t *levels);

// Colors of 16 bits, or of 8 where some program wrote those, to the first colors of `palette`.
void tiff_read_palette(const uint16_t *const colors[3], unsigned bits, uint8_t palette[256 * 3]);

// `count` pixels of kept channels to RGB.
void tiff_levels_to_rgb(
    const tiff_samples *samples, const uint8_t *levels, size_t count, const uint8_t palette[256 * 3], uint8_t *rgb);

#endif
