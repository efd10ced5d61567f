#include "tiff_levels.h"

#include "image_format.h"

#include <string.h>

size_t tiff_kept_channels(const tiff_samples *samples) { return samples->colors + (size_t)(samples->alpha >= 0); }

// Samples of fewer bits than a byte follow each other without gaps, highest bits first; libtiff has put those of 16 bits
// into the byte order of the machine.
static unsigned sample_at(const uint8_t *row, size_t index, unsigned bits) {
  size_t position = index * bits;
  const uint8_t *byte = row + position / 8;
  unsigned used = (unsigned)(position % 8), value = *byte & (0xFFu >> used), got = 8 - used;
  for (; got < bits; got += 8) value = value << 8 | *++byte;
  return value >> (got - bits);
}

void tiff_take_levels(
    const tiff_samples *samples, const uint8_t *row, size_t first, size_t count, size_t sample, size_t stride,
    uint8_t *levels) {
  size_t kept = tiff_kept_channels(samples), index = first * stride + sample;
  unsigned bits = samples->bits, most = (1u << bits) - 1;
  if (bits == 8) {
    if (kept == 1 && stride == 1) {
      memcpy(levels, row + index, count);
      return;
    }
    for (size_t i = 0; i < count; i++, index += stride, levels += kept) *levels = row[index];
  } else if (samples->kind == TIFF_PALETTE) {
    for (size_t i = 0; i < count; i++, index += stride, levels += kept) *levels = (uint8_t)sample_at(row, index, bits);
  } else if (bits == 16) {
    for (size_t i = 0; i < count; i++, index += stride, levels += kept) {
      uint16_t value;
      memcpy(&value, row + 2 * index, sizeof value);
      *levels = (uint8_t)((value * 255u + 32767) / 65535);
    }
  } else {
    for (size_t i = 0; i < count; i++, index += stride, levels += kept) {
      *levels = (uint8_t)((sample_at(row, index, bits) * 255 + most / 2) / most);
    }
  }
}

void tiff_read_palette(const uint16_t *const colors[3], unsigned bits, uint8_t palette[256 * 3]) {
  size_t count = (size_t)1 << bits;
  unsigned greatest = 0;
  for (size_t i = 0; i < count; i++) {
    for (int channel = 0; channel < 3; channel++) {
      if (colors[channel][i] > greatest) greatest = colors[channel][i];
    }
  }
  for (size_t i = 0; i < count; i++) {
    for (int channel = 0; channel < 3; channel++) {
      palette[3 * i + (size_t)channel] = (uint8_t)(greatest < 256 ? colors[channel][i] : colors[channel][i] >> 8);
    }
  }
}

// A color that was multiplied by alpha, as it was before; where alpha is 0 there is none.
static uint8_t undone(unsigned level, unsigned alpha) {
  unsigned value = alpha == 0 ? 0 : level * 255 / alpha;
  return (uint8_t)(value > 255 ? 255 : value);
}

void tiff_levels_to_rgb(
    const tiff_samples *samples, const uint8_t *levels, size_t count, const uint8_t palette[256 * 3], uint8_t *rgb) {
  size_t kept = tiff_kept_channels(samples), colors = samples->colors;
  int has_alpha = samples->alpha >= 0;
  for (size_t i = 0; i < count; i++, levels += kept, rgb += 3) {
    uint8_t color[4];
    for (size_t channel = 0; channel < colors; channel++) {
      color[channel] = has_alpha ? undone(levels[channel], levels[colors]) : levels[channel];
    }
    switch (samples->kind) {
      case TIFF_GRAY: case TIFF_PALETTE: memcpy(rgb, palette + 3 * color[0], 3); break;
      case TIFF_WHITE_IS_ZERO: memset(rgb, 255 - color[0], 3); break;
      case TIFF_RGB: memcpy(rgb, color, 3); break;
      case TIFF_INKS: inks_to_rgb(color, rgb); break;
    }
  }
}
