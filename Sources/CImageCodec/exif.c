#include "exif.h"

#include <string.h>

#include <zlib.h>

static unsigned number(const uint8_t *data, size_t size, int is_little_endian) {
  unsigned value = 0;
  for (size_t i = 0; i < size; i++) value = value << 8 | data[is_little_endian ? size - 1 - i : i];
  return value;
}

// A TIFF header (byte order, 42, place of the first directory), then a directory: the count of its entries of 12 bytes,
// each with tag, type, count and value.
int exif_orientation(const uint8_t *tiff, size_t count) {
  enum { ORIENTATION = 0x0112, SHORT = 3, LONG = 4 };
  if (count < 8) return 1;
  int is_little_endian = tiff[0] == 'I';
  if ((tiff[0] != 'I' && tiff[0] != 'M') || tiff[1] != tiff[0] || number(tiff + 2, 2, is_little_endian) != 42) return 1;
  size_t directory = number(tiff + 4, 4, is_little_endian);
  if (directory > count - 2) return 1;
  size_t entries = number(tiff + directory, 2, is_little_endian);
  size_t room = (count - directory - 2) / 12;
  if (entries > room) entries = room;
  for (size_t i = 0; i < entries; i++) {
    const uint8_t *entry = tiff + directory + 2 + i * 12;
    if (number(entry, 2, is_little_endian) != ORIENTATION) continue;
    unsigned type = number(entry + 2, 2, is_little_endian), values = number(entry + 4, 4, is_little_endian);
    if ((type != SHORT && type != LONG) || values != 1) return 1;
    unsigned value = number(entry + 8, type == SHORT ? 2 : 4, is_little_endian);
    return value >= 1 && value <= 8 ? (int)value : 1;
  }
  return 1;
}

// A signature of 8 bytes, then chunks: length, name, data, checksum of name and data. eXIf may stand before or after the
// pixels, which is why libpng, reading the header, may not have met it yet.
int png_orientation(const uint8_t *bytes, size_t byte_count) {
  size_t position = 8;
  while (byte_count - position >= 12) {
    size_t length = number(bytes + position, 4, 0);
    const uint8_t *name = bytes + position + 4;
    if (length > byte_count - position - 12) return 1;
    if (memcmp(name, "eXIf", 4) == 0) {
      uint32_t checksum = (uint32_t)crc32(crc32(0, NULL, 0), name, (uInt)length + 4);
      return checksum == number(name + 4 + length, 4, 0) ? exif_orientation(name + 4, length) : 1;
    }
    position += length + 12;
  }
  return 1;
}
