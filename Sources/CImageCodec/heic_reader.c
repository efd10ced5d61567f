// HEIC, the photographs of many telephones, by libheif: the primary image, turned as its own properties say, which every
// reader has to do; the EXIF orientation beside them is a copy that does not count.
#include "bmff.h"
#include "image_format.h"

#include <string.h>

#include <libheif/heif.h>

static struct {
  __typeof__(heif_context_alloc) *alloc;
  __typeof__(heif_context_free) *free;
  __typeof__(heif_context_set_max_decoding_threads) *set_threads;
  __typeof__(heif_context_read_from_memory_without_copy) *read;
  __typeof__(heif_context_get_number_of_top_level_images) *image_count;
  __typeof__(heif_context_get_primary_image_handle) *primary_image;
  __typeof__(heif_image_handle_get_width) *width;
  __typeof__(heif_image_handle_get_height) *height;
  __typeof__(heif_image_handle_release) *release_handle;
  __typeof__(heif_decode_image) *decode;
  __typeof__(heif_image_get_plane_readonly) *plane;
  __typeof__(heif_image_get_primary_width) *image_width;
  __typeof__(heif_image_get_primary_height) *image_height;
  __typeof__(heif_image_release) *release_image;
} heif;

static const library_function functions[] = {
    {"heif_context_alloc", &heif.alloc},
    {"heif_context_free", &heif.free},
    {"heif_context_set_max_decoding_threads", &heif.set_threads},
    {"heif_context_read_from_memory_without_copy", &heif.read},
    {"heif_context_get_number_of_top_level_images", &heif.image_count},
    {"heif_context_get_primary_image_handle", &heif.primary_image},
    {"heif_image_handle_get_width", &heif.width},
    {"heif_image_handle_get_height", &heif.height},
    {"heif_image_handle_release", &heif.release_handle},
    {"heif_decode_image", &heif.decode},
    {"heif_image_get_plane_readonly", &heif.plane},
    {"heif_image_get_primary_width", &heif.image_width},
    {"heif_image_get_primary_height", &heif.image_height},
    {"heif_image_release", &heif.release_image},
};

static optional_library library = {"libheif.so.1", functions, sizeof functions / sizeof *functions, LIBRARY_UNTRIED};

typedef struct {
  struct heif_context *context;
  struct heif_image_handle *image;
} heic_file;

static int refuse_result(struct heif_error result, char *error) {
  return refuse(error, "%.200s", result.message && result.message[0] ? result.message : "its data are damaged");
}

static void close_file(heic_file *file) {
  if (file->image) heif.release_handle(file->image);
  if (file->context) heif.free(file->context);
}

static int open_file(const uint8_t *bytes, size_t byte_count, heic_file *file, char *error) {
  *file = (heic_file){0};
  if (!bmff_is_whole(bytes, byte_count)) return refuse_cut_off("HEIC", error);
  file->context = heif.alloc();
  if (!file->context) return refuse(error, "no memory to decode");
  heif.set_threads(file->context, 0);
  struct heif_error result = heif.read(file->context, bytes, byte_count, NULL);
  if (result.code == heif_error_Ok) result = heif.primary_image(file->context, &file->image);
  return result.code == heif_error_Ok ? 0 : refuse_result(result, error);
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *header, char *error) {
  heic_file file;
  int failed = open_file(bytes, byte_count, &file, error);
  if (!failed) {
    int width = heif.width(file.image), height = heif.height(file.image);
    header->width = width > 0 ? (size_t)width : 0;
    header->height = height > 0 ? (size_t)height : 0;
    header->has_more = heif.image_count(file.context) > 1;
    failed = refuse_size(header->width, header->height, error);
  }
  close_file(&file);
  return failed;
}

static int copy_pixels(
    const struct heif_image *image, const image_header *header, cimagecodec_rectangle wanted, uint8_t *pixels, char *error) {
  int stride = 0;
  const uint8_t *rows = heif.plane(image, heif_channel_interleaved, &stride);
  if (!rows || heif.image_width(image) != (int)header->width || heif.image_height(image) != (int)header->height) {
    return refuse(error, "it holds another size than it declares");
  }
  for (size_t y = 0; y < wanted.height; y++) {
    memcpy(
        pixels + y * wanted.width * 3, rows + (wanted.top + y) * (size_t)stride + wanted.left * 3, wanted.width * 3);
  }
  return 0;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  heic_file file;
  uint8_t *pixels = reserve_frame(wanted, buffer, decoded, error);
  int failed = !pixels || open_file(bytes, byte_count, &file, error);
  if (!pixels) return 1;
  if (!failed) {
    struct heif_image *image = NULL;
    struct heif_error result =
        heif.decode(file.image, &image, heif_colorspace_RGB, heif_chroma_interleaved_RGB, NULL);
    failed = result.code == heif_error_Ok ? copy_pixels(image, header, wanted, pixels, error)
                                          : refuse_result(result, error);
    if (image) heif.release_image(image);
  }
  close_file(&file);
  return failed;
}

const image_format heic_format = {&library, "libheif1", begin, decode};
