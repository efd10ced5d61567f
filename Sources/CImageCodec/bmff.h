// The boxes of ISO media files, which AVIF and HEIC are: a length of four bytes, a name of four, and what is in it.
#ifndef CIMAGECODEC_BMFF_H
#define CIMAGECODEC_BMFF_H

#include <stddef.h>
#include <stdint.h>

// Whether the first box says that the file is of one of the kinds, four letters each, one after another in `brands`. It may
// be cut off after its first 16 bytes.
int bmff_has_brand(const uint8_t *bytes, size_t byte_count, const char *brands);

// Whether every box of the file ends within it.
int bmff_is_whole(const uint8_t *bytes, size_t byte_count);

#endif
