// BMP, the one kind for which no library is at hand: 1, 4 and 8 bits with a palette, plain or run-length coded, and 16, 24
// and 32 bits of blue, green and red, or of whatever masks say. A fourth channel is dropped.
#include "image_format.h"

#include <stdlib.h>
#include <string.h>

enum { COMPRESSION_NONE, COMPRESSION_RLE8, COMPRESSION_RLE4, COMPRESSION_MASKS };

typedef struct {
  size_t width, height;
  int is_top_down;
  unsigned bits, compression;
  uint32_t masks[3];  // red, green, blue
  const uint8_t *palette;
  size_t color_count, color_bytes;
  size_t offset;  // of the pixels
} bmp_header;

static size_t row_bytes(const bmp_header *header) { return (header->width * header->bits + 31) / 32 * 4; }

static void set_masks(bmp_header *header, uint32_t red, unsigned shift) {
  for (int channel = 0; channel < 3; channel++, red >>= shift) header->masks[channel] = red;
}

static int read_masks(bmp_header *header, const uint8_t *masks, char *error) {
  uint32_t any = 0;
  for (int channel = 0; channel < 3; channel++) any |= little32(masks + 4 * channel);
  for (int channel = 0; any && channel < 3; channel++) {
    uint32_t mask = little32(masks + 4 * channel), run = mask ? mask / (mask & -mask) : 0;
    // A mask is one run of ones.
    if ((run & (run + 1)) != 0) return refuse(error, "a mask of its colors has gaps");
    header->masks[channel] = mask;
  }
  return 0;
}

static int read_header(const uint8_t *bytes, size_t byte_count, bmp_header *header, char *error) {
  *header = (bmp_header){0};
  size_t size = byte_count < 18 ? 0 : little32(bytes + 14);
  if (byte_count < 18 || size > byte_count - 14) return refuse_cut_off("BMP", error);
  const uint8_t *info = bytes + 14;
  size_t colors = 0;
  if (size == 12) {
    header->width = little16(info + 4);
    header->height = little16(info + 6);
    header->bits = little16(info + 10);
    header->color_bytes = 3;
  } else {
    uint32_t height = little32(info + 8);
    header->width = little32(info + 4);
    header->is_top_down = height >> 31;
    header->height = header->is_top_down ? -height : height;
    header->bits = little16(info + 14);
    header->compression = little32(info + 16);
    colors = little32(info + 32);
    header->color_bytes = 4;
  }
  if (refuse_size(header->width, header->height, error)) return 1;

  unsigned bits = header->bits, compression = header->compression;
  int is_good = compression == COMPRESSION_NONE   ? bits == 1 || bits == 4 || bits == 8 || bits == 16 || bits == 24 || bits == 32
                : compression == COMPRESSION_RLE8 ? bits == 8
                : compression == COMPRESSION_RLE4 ? bits == 4
                : compression == COMPRESSION_MASKS ? size != 64 && (bits == 16 || bits == 24 || bits == 32)
                                                   : 0;
  if (!is_good) return refuse(error, "%u bits a pixel in compression %u are not read", bits, compression);

  size_t position = 14 + size;
  if (bits == 16) set_masks(header, 0x7C00, 5); else set_masks(header, 0xFF0000, 8);
  if (compression == COMPRESSION_MASKS) {
    // They are part of the longer headers, and follow the shortest.
    if (size == 40) position += 12;
    if (position > byte_count) return refuse_cut_off("BMP", error);
    if (read_masks(header, info + 40, error)) return 1;
  }
  header->offset = little32(bytes + 10);
  if (bits <= 8) {
    if (colors == 0 || colors > 256) colors = (size_t)1 << bits;
    // Some programs count the palette to what follows.
    if (header->offset == position) header->offset += colors * header->color_bytes;
    if (colors * header->color_bytes > byte_count - position) return refuse_cut_off("BMP", error);
    header->palette = bytes + position;
    header->color_count = colors;
  }
  if (header->offset < position) return refuse(error, "its pixels begin within its header");
  if (header->offset >= byte_count) return refuse_cut_off("BMP", error);
  int is_coded = compression == COMPRESSION_RLE8 || compression == COMPRESSION_RLE4;
  // The last row may lack the bytes that fill it up.
  size_t needed = row_bytes(header) * (header->height - 1) + (header->width * bits + 7) / 8;
  if (!is_coded && needed > byte_count - header->offset) return refuse_cut_off("BMP", error);
  return 0;
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *image, char *error) {
  bmp_header header;
  if (read_header(bytes, byte_count, &header, error)) return 1;
  image->width = header.width;
  image->height = header.height;
  return 0;
}

static void read_palette(const bmp_header *header, uint8_t palette[256 * 3]) {
  fill_gray_palette(palette);
  for (size_t i = 0; i < header->color_count; i++) {
    for (int channel = 0; channel < 3; channel++) {
      palette[3 * i + (size_t)channel] = header->palette[i * header->color_bytes + 2 - (size_t)channel];
    }
  }
}

static uint8_t level(uint32_t pixel, uint32_t mask) {
  if (!mask) return 0;
  uint32_t lowest = mask & -mask;
  return (uint8_t)((uint64_t)((pixel & mask) / lowest) * 255 / (mask / lowest));
}

static void write_row(
    const bmp_header *header, const uint8_t *row, const uint8_t *palette, size_t left, size_t count, uint8_t *rgb) {
  unsigned bits = header->bits;
  const uint32_t *masks = header->masks;
  int is_plain = bits >= 24 && masks[0] == 0xFF0000 && masks[1] == 0xFF00 && masks[2] == 0xFF;
  for (size_t x = left; x < left + count; x++, rgb += 3) {
    const uint8_t *pixel = row + x * bits / 8;
    if (bits <= 8) {
      unsigned shift = (unsigned)(8 - bits - x * bits % 8);
      memcpy(rgb, palette + 3 * (*pixel >> shift & ((1u << bits) - 1)), 3);
    } else if (is_plain) {
      rgb[0] = pixel[2];
      rgb[1] = pixel[1];
      rgb[2] = pixel[0];
    } else {
      uint32_t value = bits == 16 ? little16(pixel) : bits == 24 ? little24(pixel) : little32(pixel);
      for (int channel = 0; channel < 3; channel++) rgb[channel] = level(value, masks[channel]);
    }
  }
}

// Runs of one index, and indices one by one, from the lowest row to the highest. Returns 0 where the data end before the
// mark of their end; an image that is marked as ended keeps index 0 where nothing was written.
static int expand_runs(const bmp_header *header, const uint8_t *data, size_t size, uint8_t *indices) {
  int is_rle4 = header->compression == COMPRESSION_RLE4;
  size_t x = 0, y = 0, position = 0;
  while (y < header->height) {
    if (size - position < 2) return 0;
    unsigned count = data[position], value = data[position + 1];
    position += 2;
    const uint8_t *source = NULL;
    if (count == 0) {
      if (value == 1) return 1;
      if (value == 0) {
        x = 0;
        y++;
        continue;
      }
      if (value == 2) {
        if (size - position < 2) return 0;
        x += data[position];
        y += data[position + 1];
        position += 2;
        continue;
      }
      // Whole pairs of bytes.
      size_t bytes = is_rle4 ? (value + 1) / 2 : value;
      if (size - position < bytes + (bytes & 1)) return 0;
      source = data + position;
      position += bytes + (bytes & 1);
      count = value;
    }
    for (unsigned i = 0; i < count; i++, x++) {
      unsigned byte = source ? source[is_rle4 ? i / 2 : i] : value;
      unsigned index = !is_rle4 ? byte : i % 2 == 0 ? byte >> 4 : byte & 15;
      if (x < header->width) indices[y * header->width + x] = (uint8_t)index;
    }
  }
  return 1;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *image, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  (void)image;
  bmp_header header;
  if (read_header(bytes, byte_count, &header, error)) return 1;
  uint8_t *pixels = reserve_frame(wanted, buffer, decoded, error), palette[256 * 3];
  if (!pixels) return 1;
  read_palette(&header, palette);
  const uint8_t *rows = bytes + header.offset;
  size_t stride = row_bytes(&header);
  uint8_t *indices = NULL;
  if (header.compression == COMPRESSION_RLE8 || header.compression == COMPRESSION_RLE4) {
    indices = calloc(header.height, header.width);
    if (!indices) return refuse(error, "no memory for %zu x %zu pixels", header.width, header.height);
    if (!expand_runs(&header, rows, byte_count - header.offset, indices)) {
      free(indices);
      return refuse_cut_off("BMP", error);
    }
    rows = indices;
    stride = header.width;
    header.bits = 8;
  }
  for (size_t y = 0; y < wanted.height; y++) {
    size_t row = wanted.top + y, stored = header.is_top_down ? row : header.height - 1 - row;
    write_row(&header, rows + stored * stride, palette, wanted.left, wanted.width, pixels + y * decoded->bytes_per_row);
  }
  free(indices);
  return 0;
}

const image_format bmp_format = {NULL, NULL, begin, decode};
