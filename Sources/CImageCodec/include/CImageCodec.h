// Images of many kinds for Images: bytes in, RGB pixels or a line of error text out. Nothing here prints or exits; dav1d, below
// libavif and libheif, tells standard error of damage.
//
// Every function that can fail returns 0, or another value after writing one line of text to `error`.
#ifndef CIMAGECODEC_H
#define CIMAGECODEC_H

#include <stddef.h>
#include <stdint.h>

enum { CIMAGECODEC_ERROR_SIZE = 256 };

// Images that declare more pixels than this are refused before any memory is taken for them.
#ifndef CIMAGECODEC_MAXIMUM_PIXELS
#define CIMAGECODEC_MAXIMUM_PIXELS 100000000ull
#endif
#define CIMAGECODEC_MAXIMUM_SIDE 1000000ull

// Progressive JPEGs go over the whole image once a scan. Those with more scans than this are refused, and earlier where
// scans times pixels would pass the second number.
#define CIMAGECODEC_MAXIMUM_SCANS 500ull
#ifndef CIMAGECODEC_MAXIMUM_SCANNED_PIXELS
#define CIMAGECODEC_MAXIMUM_SCANNED_PIXELS 4000000000ull
#endif

// Kinds of images, told apart by their first bytes. All but JPEG, PNG and BMP are read by libraries that are loaded when
// they are first needed, and may be missing.
typedef enum {
  CIMAGECODEC_NONE,
  CIMAGECODEC_JPEG,
  CIMAGECODEC_PNG,
  CIMAGECODEC_WEBP,
  CIMAGECODEC_TIFF,
  CIMAGECODEC_GIF,
  CIMAGECODEC_BMP,
  CIMAGECODEC_AVIF,
  CIMAGECODEC_HEIC,
  CIMAGECODEC_KIND_COUNT
} cimagecodec_kind;

// As many bytes tell of any file what kind it is.
enum { CIMAGECODEC_SIGNATURE_BYTES = 64 };

// What a file is whose first bytes these are.
cimagecodec_kind cimagecodec_recognize(const uint8_t *bytes, size_t byte_count);

// As people call it: JPEG.
const char *cimagecodec_kind_name(cimagecodec_kind kind);

// Whether what reads it is there.
int cimagecodec_kind_is_available(cimagecodec_kind kind);

typedef struct {
  size_t left, top, width, height;
} cimagecodec_rectangle;

// Decodes one image after another in memory that it keeps. One thread at a time.
typedef struct cimagecodec_decoder cimagecodec_decoder;

// NULL when there is no memory.
cimagecodec_decoder *cimagecodec_decoder_create(void);

// Has libjpeg decode every JPEG, which gives the same pixels: to check that it does.
void cimagecodec_decoder_use_only_libjpeg(cimagecodec_decoder *decoder);

// Has it behave as where no library is there that may be missing: to check what is said then.
void cimagecodec_decoder_use_no_optional_library(cimagecodec_decoder *decoder);

// NULL is allowed.
void cimagecodec_decoder_destroy(cimagecodec_decoder *decoder);

// Reads the header and gives the size of the image as it will be decoded: turned upright when `applies_orientation` is not
// 0 and its EXIF data (of AVIF: its own properties) say how it lies; TIFF and HEIC always are. A file that is cut off is
// refused here, whatever will be decoded of it, unless no part of the pixels is missing. The bytes are read until the
// last `cimagecodec_decoder_decode` of this image.
int cimagecodec_decoder_begin(
    cimagecodec_decoder *decoder, const uint8_t *bytes, size_t byte_count, int applies_orientation, size_t *width,
    size_t *height, char error[CIMAGECODEC_ERROR_SIZE]);

// Of the image that was begun last; none where that failed.
cimagecodec_kind cimagecodec_decoder_kind(const cimagecodec_decoder *decoder);

// Whether it holds frames or pages beside the one that is decoded: the first, of a HEIC the primary one.
int cimagecodec_decoder_has_more(const cimagecodec_decoder *decoder);

typedef struct {
  const uint8_t *pixels;        // interleaved 8-bit RGB, the decoder's own, until its next begin, decode or destroy
  size_t bytes_per_row;         // from one row to the next
  cimagecodec_rectangle frame;  // what `pixels` holds of the scaled image, in scaled pixels
  int scale_denominator;        // the scale that was used
  size_t scaled_width, scaled_height;  // of the whole image: sides divided by the denominator, rounded up
} cimagecodec_region;

// Decodes at least the part `region` (in pixels of full scale, inside the image) of the image that was begun; any number
// of times. JPEG can be scaled down by 2, 4 or 8 in its inverse transform; others are always decoded at full scale. Every
// pixel of the frame that lies in the region equals that of the whole image decoded at that scale; those outside it
// may not.
//
// JPEG: libjpeg-turbo's islow transform and fancy upsampling; gray, YCbCr, RGB, CMYK and YCCK (both with inks inverted,
// as Adobe writes them and Pillow takes them). Damage that libjpeg-turbo mends with a warning is accepted, as Pillow and
// torchvision do. PNG: palettes and gray are expanded, 16-bit samples scaled to 8 bits with rounding, alpha dropped
// without compositing, gamma left as stored; damage below the region may go unseen. What others become is said where
// they are read.
int cimagecodec_decoder_decode(
    cimagecodec_decoder *decoder, cimagecodec_rectangle region, int scale_denominator, cimagecodec_region *decoded,
    char error[CIMAGECODEC_ERROR_SIZE]);

// Encodes interleaved 8-bit RGB as baseline JPEG, chroma at half resolution; quality 1...100. The bytes belong to the
// caller, who returns them with `cimagecodec_free`; on failure they are NULL.
int cimagecodec_encode_jpeg(
    const uint8_t *pixels, size_t width, size_t height, int quality, uint8_t **bytes, size_t *byte_count,
    char error[CIMAGECODEC_ERROR_SIZE]);

// Encodes interleaved 8-bit RGB as PNG, in the same way.
int cimagecodec_encode_png(
    const uint8_t *pixels, size_t width, size_t height, uint8_t **bytes, size_t *byte_count,
    char error[CIMAGECODEC_ERROR_SIZE]);

void cimagecodec_free(uint8_t *buffer);

#endif
