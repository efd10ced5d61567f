// JPEG and PNG for VisionData: bytes in, RGB pixels or a line of error text out. Nothing here prints or exits.
//
// Every function returns 0, or another value after writing a line of text to `error`. Buffers handed out through
// out-parameters belong to the caller, who returns them with `cimagecodec_free`; on failure they are NULL.
#ifndef CIMAGECODEC_H
#define CIMAGECODEC_H

#include <stddef.h>
#include <stdint.h>

enum { CIMAGECODEC_ERROR_SIZE = 256 };

// Images that declare more pixels than this are refused before any memory is taken for them.
#define CIMAGECODEC_MAXIMUM_PIXELS 100000000ull

// Decodes baseline and progressive JPEG at full scale with libjpeg-turbo's default (islow) transform and fancy
// upsampling: grey, YCbCr, RGB, CMYK and YCCK in, interleaved 8-bit RGB out. A file that ends early is an error;
// other damage that libjpeg-turbo mends with a warning is accepted, as Pillow and torchvision do.
int cimagecodec_decode_jpeg(
    const uint8_t *bytes, size_t byte_count, uint8_t **pixels, size_t *width, size_t *height,
    char error[CIMAGECODEC_ERROR_SIZE]);

// Decodes PNG of every kind to interleaved 8-bit RGB: palettes and grey are expanded, 16-bit samples are scaled to
// 8 bits with rounding, alpha is dropped without compositing, gamma is left as stored.
int cimagecodec_decode_png(
    const uint8_t *bytes, size_t byte_count, uint8_t **pixels, size_t *width, size_t *height,
    char error[CIMAGECODEC_ERROR_SIZE]);

// Encodes interleaved 8-bit RGB as baseline JPEG, chroma at half resolution; quality 1...100.
int cimagecodec_encode_jpeg(
    const uint8_t *pixels, size_t width, size_t height, int quality, uint8_t **bytes, size_t *byte_count,
    char error[CIMAGECODEC_ERROR_SIZE]);

void cimagecodec_free(uint8_t *buffer);

#endif
