// How images say that they lie: EXIF's orientation, 1...8; 1 where the data do not say or make no sense.
#ifndef CIMAGECODEC_EXIF_H
#define CIMAGECODEC_EXIF_H

#include <stddef.h>
#include <stdint.h>

// Of EXIF data, which are a TIFF file.
int exif_orientation(const uint8_t *tiff, size_t count);

// Of a PNG file.
int png_orientation(const uint8_t *bytes, size_t byte_count);

#endif
