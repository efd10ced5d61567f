#include "bmff.h"

#include "image_format.h"

#include <string.h>

static int is_among(const uint8_t *brand, const char *brands) {
  for (; *brands; brands += 4) {
    if (memcmp(brand, brands, 4) == 0) return 1;
  }
  return 0;
}

// The brand that the file is of, a version, then all brands that it is also of.
int bmff_has_brand(const uint8_t *bytes, size_t byte_count, const char *brands) {
  if (byte_count < 16 || memcmp(bytes + 4, "ftyp", 4) != 0) return 0;
  if (is_among(bytes + 8, brands)) return 1;
  size_t end = big32(bytes);
  if (end > byte_count) end = byte_count;
  for (size_t position = 16; position + 4 <= end; position += 4) {
    if (is_among(bytes + position, brands)) return 1;
  }
  return 0;
}

int bmff_is_whole(const uint8_t *bytes, size_t byte_count) {
  for (size_t position = 0; position < byte_count;) {
    size_t rest = byte_count - position;
    if (rest < 8) return 0;
    uint64_t size = big32(bytes + position);
    if (size == 0) return 1;  // as far as the file goes
    if (size == 1) {
      if (rest < 16) return 0;
      size = (uint64_t)big32(bytes + position + 8) << 32 | big32(bytes + position + 12);
    }
    if (size < 8 || size > rest) return 0;
    position += (size_t)size;
  }
  return 1;
}
