#include "CDigest.h"

#include <zlib.h>

uint32_t cdigest_crc32(uint32_t before, const void *bytes, size_t count) {
  // No bytes at no place are a wish for the first value to zlib.
  return count == 0 ? before : (uint32_t)crc32_z(before, bytes, count);
}
