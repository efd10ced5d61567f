// AVIF, by libavif: of sequences the first image. How it lies (irot and imir) is told as an orientation and not applied
// here, as in Pillow. Alpha is dropped without compositing; more than 8 bits become 8.
#include "bmff.h"
#include "image_format.h"

#include <avif/avif.h>

static struct {
  __typeof__(avifDecoderCreate) *create;
  __typeof__(avifDecoderSetIOMemory) *set_memory;
  __typeof__(avifDecoderParse) *parse;
  __typeof__(avifDecoderNextImage) *next_image;
  __typeof__(avifDecoderDestroy) *destroy;
  __typeof__(avifRGBImageSetDefaults) *set_defaults;
  __typeof__(avifImageYUVToRGB) *to_rgb;
  __typeof__(avifResultToString) *text_of;
} avif;

static const library_function functions[] = {
    {"avifDecoderCreate", &avif.create},
    {"avifDecoderSetIOMemory", &avif.set_memory},
    {"avifDecoderParse", &avif.parse},
    {"avifDecoderNextImage", &avif.next_image},
    {"avifDecoderDestroy", &avif.destroy},
    {"avifRGBImageSetDefaults", &avif.set_defaults},
    {"avifImageYUVToRGB", &avif.to_rgb},
    {"avifResultToString", &avif.text_of},
};

// Its structures differ between versions, which therefore have numbers of their own.
static optional_library library = {
    AVIF_VERSION >= 1000000 ? "libavif.so.16" : "libavif.so.15", functions, sizeof functions / sizeof *functions,
    LIBRARY_UNTRIED};

static int refuse_result(avifResult result, char *error) {
  if (result == AVIF_RESULT_TRUNCATED_DATA) return refuse_cut_off("AVIF", error);
  return refuse(error, "%s", avif.text_of(result));
}

// Reads the boxes. NULL, with a line in `error`, where they are bad.
static avifDecoder *open_file(const uint8_t *bytes, size_t byte_count, char *error) {
  if (!bmff_is_whole(bytes, byte_count)) {
    refuse_cut_off("AVIF", error);
    return NULL;
  }
  avifDecoder *decoder = avif.create();
  if (!decoder) {
    refuse(error, "no memory to decode");
    return NULL;
  }
  decoder->maxThreads = 1;
  decoder->ignoreExif = decoder->ignoreXMP = AVIF_TRUE;
  // What Pillow lets pass: many files lack the one or have the other wrong, and no pixel depends on them.
  decoder->strictFlags &= ~(avifStrictFlags)(AVIF_STRICT_PIXI_REQUIRED | AVIF_STRICT_CLAP_VALID);
  avifResult result = avif.set_memory(decoder, bytes, byte_count);
  if (result == AVIF_RESULT_OK) result = avif.parse(decoder);
  if (result == AVIF_RESULT_OK) return decoder;
  refuse_result(result, error);
  avif.destroy(decoder);
  return NULL;
}

// Turned against the clock by quarters, then mirrored top to bottom (0) or left to right (1).
static int orientation_of(const avifImage *image) {
  static const int turned[] = {1, 8, 3, 6}, mirrored[][4] = {{4, 5, 2, 7}, {2, 7, 4, 5}};
  int quarters = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;
  if (!(image->transformFlags & AVIF_TRANSFORM_IMIR)) return turned[quarters];
#if AVIF_VERSION >= 1000000
  return mirrored[image->imir.axis & 1][quarters];
#else
  return mirrored[image->imir.mode & 1][quarters];
#endif
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *header, char *error) {
  avifDecoder *decoder = open_file(bytes, byte_count, error);
  if (!decoder) return 1;
  header->width = decoder->image->width;
  header->height = decoder->image->height;
  header->orientation = orientation_of(decoder->image);
  header->has_more = decoder->imageCount > 1;
  avif.destroy(decoder);
  return refuse_size(header->width, header->height, error);
}

static avifResult convert(const avifDecoder *decoder, pixel_buffer *whole, avifRGBImage *rgb) {
  avif.set_defaults(rgb, decoder->image);
  rgb->depth = 8;
  rgb->format = decoder->alphaPresent ? AVIF_RGB_FORMAT_RGBA : AVIF_RGB_FORMAT_RGB;
  rgb->rowBytes = rgb->width * (decoder->alphaPresent ? 4 : 3);
  rgb->pixels = pixel_buffer_reserve(whole, (size_t)rgb->rowBytes * rgb->height);
  return rgb->pixels ? avif.to_rgb(decoder->image, rgb) : AVIF_RESULT_OUT_OF_MEMORY;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  avifDecoder *decoder = open_file(bytes, byte_count, error);
  if (!decoder) return 1;
  // The coded image may be larger than the boxes say.
  decoder->imageSizeLimit = CIMAGECODEC_MAXIMUM_PIXELS;
  uint8_t *pixels = reserve_frame(wanted, buffer, decoded, error);
  pixel_buffer whole = {0};
  avifRGBImage rgb = {0};
  avifResult result = avif.next_image(decoder);
  int failed = !pixels;
  if (!failed && result == AVIF_RESULT_OK &&
      (decoder->image->width != header->width || decoder->image->height != header->height)) {
    failed = refuse(error, "it holds another size than it declares");
  } else if (!failed) {
    if (result == AVIF_RESULT_OK) result = convert(decoder, &whole, &rgb);
    if (result != AVIF_RESULT_OK) failed = refuse_result(result, error);
  }
  size_t pixel_bytes = decoder->alphaPresent ? 4 : 3;
  for (size_t y = 0; !failed && y < wanted.height; y++) {
    const uint8_t *pixel = rgb.pixels + (wanted.top + y) * rgb.rowBytes + wanted.left * pixel_bytes;
    for (size_t x = 0; x < wanted.width; x++, pixel += pixel_bytes, pixels += 3) {
      pixels[0] = pixel[0];
      pixels[1] = pixel[1];
      pixels[2] = pixel[2];
    }
  }
  pixel_buffer_free(&whole);
  avif.destroy(decoder);
  return failed;
}

const image_format avif_format = {&library, "libavif15 or libavif16", begin, decode};
