// WebP, by libwebp: lossy and lossless, and of animations the first frame. Alpha is dropped without compositing.
#include "exif.h"
#include "image_format.h"

#include <string.h>

#include <webp/decode.h>

static struct {
  __typeof__(WebPGetFeaturesInternal) *get_features;
  __typeof__(WebPInitDecoderConfigInternal) *init_config;
  __typeof__(WebPDecode) *decode;
} webp;

static const library_function functions[] = {
    {"WebPGetFeaturesInternal", &webp.get_features},
    {"WebPInitDecoderConfigInternal", &webp.init_config},
    {"WebPDecode", &webp.decode},
};

static optional_library library = {"libwebp.so.7", functions, sizeof functions / sizeof *functions, LIBRARY_UNTRIED};

// What the chunks of a file say, and the bytes of the image that is read: the file, or the first frame of an animation.
typedef struct {
  const uint8_t *bytes;
  size_t byte_count;
  size_t canvas_width, canvas_height;  // 0 unless it is an animation
  size_t left, top;                    // of the frame on the canvas
  int frames;
  int orientation;
} webp_contents;

static int exif_of(const uint8_t *data, size_t size) {
  // Some programs leave the mark of JPEG's EXIF segments before the data.
  int is_marked = size >= 6 && memcmp(data, "Exif\0", 6) == 0;
  return exif_orientation(data + (is_marked ? 6 : 0), size - (is_marked ? 6 : 0));
}

// RIFF: a name of four bytes, a length, so many bytes, and one more where the length is odd.
static int read_chunks(const uint8_t *bytes, size_t byte_count, webp_contents *contents, char *error) {
  *contents = (webp_contents){.bytes = bytes, .byte_count = byte_count, .orientation = 1};
  size_t end = (size_t)little32(bytes + 4) + 8;
  if (end > byte_count) return refuse_cut_off("WebP", error);
  int is_animation = 0;
  for (size_t position = 12; end - position >= 8;) {
    const uint8_t *name = bytes + position, *data = name + 8;
    size_t size = little32(name + 4);
    if (size > end - position - 8) return refuse_cut_off("WebP", error);
    if (memcmp(name, "VP8X", 4) == 0 && size >= 10 && position == 12) {
      is_animation = (data[0] & 2) != 0;
      if (is_animation) {
        contents->canvas_width = little24(data + 4) + 1;
        contents->canvas_height = little24(data + 7) + 1;
      }
    } else if (is_animation && memcmp(name, "ANMF", 4) == 0 && size >= 16) {
      if (contents->frames == 0) {
        contents->left = 2 * (size_t)little24(data);
        contents->top = 2 * (size_t)little24(data + 3);
        contents->bytes = data + 16;
        contents->byte_count = size - 16;
      }
      contents->frames++;
    } else if (memcmp(name, "EXIF", 4) == 0) {
      contents->orientation = exif_of(data, size);
    }
    position += 8 + size + (size & 1);
    if (position > end) break;
  }
  if (is_animation && contents->frames == 0) return refuse_cut_off("WebP", error);
  return 0;
}

static int refuse_status(VP8StatusCode status, char *error) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA: return refuse_cut_off("WebP", error);
    case VP8_STATUS_OUT_OF_MEMORY: return refuse(error, "no memory to decode");
    case VP8_STATUS_UNSUPPORTED_FEATURE: return refuse(error, "it uses what libwebp does not know");
    default: return refuse(error, "its data are damaged");
  }
}

static int read_features(const webp_contents *contents, WebPBitstreamFeatures *features, char *error) {
  VP8StatusCode status =
      webp.get_features(contents->bytes, contents->byte_count, features, WEBP_DECODER_ABI_VERSION);
  if (status != VP8_STATUS_OK) return refuse_status(status, error);
  if (contents->frames == 0) return 0;
  if (contents->left + (size_t)features->width > contents->canvas_width ||
      contents->top + (size_t)features->height > contents->canvas_height) {
    return refuse(error, "its first frame is not inside the image");
  }
  return 0;
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *header, char *error) {
  webp_contents contents;
  WebPBitstreamFeatures features;
  if (read_chunks(bytes, byte_count, &contents, error) || read_features(&contents, &features, error)) return 1;
  header->width = contents.frames ? contents.canvas_width : (size_t)features.width;
  header->height = contents.frames ? contents.canvas_height : (size_t)features.height;
  header->orientation = contents.orientation;
  header->has_more = contents.frames > 1;
  return refuse_size(header->width, header->height, error);
}

// A little more than is wanted: chroma is interpolated between neighbors, which are missing at the borders of what is
// decoded, and libwebp begins at even pixels.
static void widen(size_t *start, size_t *length, size_t whole) {
  size_t first = *start < 4 ? 0 : (*start - 4) & ~(size_t)1, last = *start + *length + 4;
  *start = first;
  *length = (last > whole ? whole : last) - first;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  webp_contents contents;
  WebPBitstreamFeatures features;
  WebPDecoderConfig config;
  if (read_chunks(bytes, byte_count, &contents, error) || read_features(&contents, &features, error)) return 1;
  if (!webp.init_config(&config, WEBP_DECODER_ABI_VERSION)) return refuse(error, "libwebp is of another version");

  cimagecodec_rectangle frame = {0, 0, header->width, header->height};
  if (contents.frames == 0) {
    frame = wanted;
    widen(&frame.left, &frame.width, header->width);
    widen(&frame.top, &frame.height, header->height);
    config.options.use_cropping = 1;
    config.options.crop_left = (int)frame.left;
    config.options.crop_top = (int)frame.top;
    config.options.crop_width = (int)frame.width;
    config.options.crop_height = (int)frame.height;
  }
  uint8_t *pixels = reserve_frame(frame, buffer, decoded, error);
  if (!pixels) return 1;
  size_t stride = decoded->bytes_per_row, size = stride * frame.height, start = 0;
  // What a first frame leaves free is black.
  if (contents.frames) {
    memset(pixels, 0, size);
    start = contents.top * stride + contents.left * 3;
  }
  config.output.colorspace = MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA.rgba = pixels + start;
  config.output.u.RGBA.stride = (int)stride;
  config.output.u.RGBA.size = size - start;
  VP8StatusCode status = webp.decode(contents.bytes, contents.byte_count, &config);
  return status == VP8_STATUS_OK ? 0 : refuse_status(status, error);
}

const image_format webp_format = {&library, "libwebp7", begin, decode};
