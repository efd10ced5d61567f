#include "png_reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

static const char ends_early[] = "the PNG data ends before the image is complete";

static void leave_with_text(png_structp codec, png_const_charp text) {
  char *error = png_get_error_ptr(codec);
  if (!error[0]) snprintf(error, CIMAGECODEC_ERROR_SIZE, "%s", text);
  png_longjmp(codec, 1);
}

static void ignore_warning(png_structp codec, png_const_charp text) {
  (void)codec;
  (void)text;
}

static void read_bytes(png_structp codec, png_bytep destination, size_t count) {
  png_reader *reader = png_get_io_ptr(codec);
  if (count > reader->remaining) png_error(codec, ends_early);
  memcpy(destination, reader->bytes, count);
  reader->bytes += count;
  reader->remaining -= count;
}

void png_reader_destroy(png_reader *reader) {
  if (reader->codec) png_destroy_read_struct(&reader->codec, &reader->info, NULL);
  free(reader->rows);
  *reader = (png_reader){0};
}

// Chunks lead from one to the next by their lengths, up to IEND. Where decoding stops at the lower end of a region, it would
// depend on the region whether a file that is cut off is an error; so the end is looked for first.
static void check_end(png_structp codec, const uint8_t *bytes, size_t byte_count) {
  size_t position = 8;
  for (int is_end = 0; !is_end;) {
    if (byte_count - position < 12) png_error(codec, ends_early);
    size_t length = png_get_uint_32(bytes + position);
    if (length > byte_count - position - 12) png_error(codec, ends_early);
    is_end = memcmp(bytes + position + 4, "IEND", 4) == 0;
    position += 12 + length;
  }
}

int png_reader_begin(png_reader *reader, const uint8_t *bytes, size_t byte_count, char *error) {
  png_reader_destroy(reader);
  reader->codec = png_create_read_struct(PNG_LIBPNG_VER_STRING, error, leave_with_text, ignore_warning);
  if (!reader->codec) {
    if (!error[0]) snprintf(error, CIMAGECODEC_ERROR_SIZE, "no memory to decode");
    return 1;
  }
  png_structp codec = reader->codec;
  if (setjmp(png_jmpbuf(codec))) {
    png_reader_destroy(reader);
    return 1;
  }
  reader->info = png_create_info_struct(codec);
  if (!reader->info) png_error(codec, "no memory to decode");
  reader->bytes = bytes;
  reader->remaining = byte_count;
  png_set_read_fn(codec, reader, read_bytes);
  // Profiles, texts and times are stepped over: they change no pixel here, and compressed ones can unpack to a
  // thousand times their size. Palette and transparency are not among these.
  png_set_keep_unknown_chunks(codec, PNG_HANDLE_CHUNK_NEVER, NULL, -1);
  // libpng's own limit is a million on each side; the same one is below, in words, and one on the product.
  png_set_user_limits(codec, 0x7fffffff, 0x7fffffff);
  png_read_info(codec, reader->info);

  size_t width = png_get_image_width(codec, reader->info), height = png_get_image_height(codec, reader->info);
  if ((unsigned long long)width * height > CIMAGECODEC_MAXIMUM_PIXELS) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "declares %zu x %zu pixels, more than 100 megapixels", width, height);
    png_longjmp(codec, 1);
  }
  if (width > CIMAGECODEC_MAXIMUM_SIDE || height > CIMAGECODEC_MAXIMUM_SIDE) {
    snprintf(error, CIMAGECODEC_ERROR_SIZE, "declares %zu x %zu pixels, more than a million on a side", width, height);
    png_longjmp(codec, 1);
  }
  check_end(codec, bytes, byte_count);
  return 0;
}

// Looks at what follows the pixels, as png_read_end does, which however would also unpack all the data that a file may
// hold beyond its last row. That there is an end was found out with the header.
static void check_rest(png_reader *reader, const uint8_t *bytes, size_t byte_count) {
  size_t position = 8, consumed = byte_count - reader->remaining;
  for (int is_end = 0; !is_end;) {
    const uint8_t *name = bytes + position + 4;
    size_t length = png_get_uint_32(bytes + position);
    position += 12 + length;
    int is_critical = (name[0] & 0x20) == 0;
    if (position > consumed && is_critical &&
        crc32(crc32(0, NULL, 0), name, (uInt)length + 4) != png_get_uint_32(name + 4 + length)) {
      png_error(reader->codec, "CRC error at the end of the pixels or after them");
    }
    is_end = memcmp(name, "IEND", 4) == 0;
  }
}

static void decode(
    png_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, pixel_buffer *buffer,
    cimagecodec_region *decoded) {
  png_structp codec = reader->codec;
  size_t width = png_get_image_width(codec, reader->info), height = png_get_image_height(codec, reader->info);
  png_set_scale_16(codec);
  png_set_expand(codec);
  png_set_gray_to_rgb(codec);
  png_set_strip_alpha(codec);
  int is_interlaced = png_set_interlace_handling(codec) > 1;
  png_read_update_info(codec, reader->info);
  size_t row_bytes = width * 3;
  if (png_get_rowbytes(codec, reader->info) != row_bytes) png_error(codec, "a kind of PNG that does not expand to RGB");

  // Every pass of an interlaced image goes over all of it.
  cimagecodec_rectangle frame = {0, wanted.top, width, wanted.height};
  if (is_interlaced) {
    frame.top = 0;
    frame.height = height;
    reader->rows = malloc(height * sizeof *reader->rows);
  }
  uint8_t *pixels = pixel_buffer_reserve(buffer, row_bytes * frame.height);
  if (!pixels || (is_interlaced && !reader->rows)) {
    snprintf(
        png_get_error_ptr(codec), CIMAGECODEC_ERROR_SIZE, "no memory for %zu x %zu pixels", width, frame.height);
    png_longjmp(codec, 1);
  }
  if (is_interlaced) {
    for (size_t y = 0; y < height; y++) reader->rows[y] = pixels + y * row_bytes;
    png_read_image(codec, reader->rows);
  } else {
    // Each row is coded relative to the one above; those above the frame go where its first row overwrites them.
    for (size_t y = 0; y < frame.top; y++) png_read_row(codec, pixels, NULL);
    for (size_t y = 0; y < frame.height; y++) png_read_row(codec, pixels + y * row_bytes, NULL);
  }
  if (frame.top + frame.height == height) check_rest(reader, bytes, byte_count);
  decoded->pixels = pixels;
  decoded->bytes_per_row = row_bytes;
  decoded->frame = frame;
}

int png_reader_decode(
    png_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, pixel_buffer *buffer,
    cimagecodec_region *decoded, char *error) {
  if (!reader->codec && png_reader_begin(reader, bytes, byte_count, error)) return 1;
  png_set_error_fn(reader->codec, error, leave_with_text, ignore_warning);
  if (setjmp(png_jmpbuf(reader->codec))) {
    png_reader_destroy(reader);
    return 1;
  }
  decode(reader, bytes, byte_count, wanted, buffer, decoded);
  png_reader_destroy(reader);
  return 0;
}
