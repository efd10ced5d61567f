// libFuzzer's target for CImageCodec. An input is eight bytes that say what to do and then a file, whose first bytes
// are put right so that no run is spent on what is no image. Besides what the sanitizers see, it is an error when a part
// of an image, or all of it, has other pixels than the whole as the libraries decode it, or when a decoder does
// something else the second time.
//
// Compiled once for each kind: -DFUZZ_JPEG, -DFUZZ_PNG, -DFUZZ_WEBP, -DFUZZ_TIFF, -DFUZZ_GIF, -DFUZZ_BMP, -DFUZZ_AVIF or
// -DFUZZ_HEIC.
#include "CImageCodec.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <zlib.h>

enum { PARAMETERS = 8 };

// The libraries are not instrumented, so that libFuzzer sees little of what an input did; these stand in for that. They
// tell apart images that decode, and not the many ways of not being one, or it would dwell on those.
__attribute__((section("__libfuzzer_extra_counters"))) static uint8_t outcomes[4096];

static void note_outcome(size_t stage, size_t detail) { outcomes[(stage << 10 | (detail & 1023)) % sizeof outcomes] = 1; }

static size_t decoded_count;

static void fail(const char *text) {
  fprintf(stderr, "decoder fuzzing: %s\n", text);
  abort();
}

static void put_right(uint8_t *file, size_t size, size_t place, const char *bytes, size_t count) {
  if (place + count <= size) memcpy(file + place, bytes, count);
}

static void put_signature_right(uint8_t *file, size_t size) {
#if defined FUZZ_JPEG
  put_right(file, size, 0, "\xFF\xD8\xFF", 3);
#elif defined FUZZ_PNG
  put_right(file, size, 0, "\x89PNG\r\n\x1A\n", 8);
#elif defined FUZZ_WEBP
  put_right(file, size, 0, "RIFF", 4);
  put_right(file, size, 8, "WEBP", 4);
  // That it goes as far as the file does.
  for (size_t i = 4; i < 8 && size >= 12; i++) file[i] = (uint8_t)((size - 8) >> (8 * (i - 4)));
#elif defined FUZZ_TIFF
  int is_big_endian = size > 0 && file[0] == 'M', is_big = size > 3 && file[is_big_endian ? 3 : 2] == 43;
  put_right(file, size, 0, is_big_endian ? (is_big ? "MM\0+" : "MM\0*") : is_big ? "II+\0" : "II*\0", 4);
#elif defined FUZZ_GIF
  put_right(file, size, 0, "GIF89a", 6);
#elif defined FUZZ_BMP
  put_right(file, size, 0, "BM", 2);
  if (size > 14 && file[14] != 12 && file[14] != 108) put_right(file, size, 14, "\x28", 1);
  put_right(file, size, 15, "\0\0", 3);
#else
  put_right(file, size, 4, "ftyp", 4);
#ifdef FUZZ_AVIF
  put_right(file, size, 8, "avif", 4);
#else
  put_right(file, size, 8, "heic", 4);
#endif
#endif
}

#ifdef FUZZ_PNG

static size_t length_of(const uint8_t *chunk) {
  return (size_t)chunk[0] << 24 | (size_t)chunk[1] << 16 | (size_t)chunk[2] << 8 | chunk[3];
}

static void put_number(uint8_t *bytes, size_t number) {
  for (int i = 0; i < 4; i++) bytes[i] = (uint8_t)(number >> (24 - 8 * i));
}

// A PNG whose chunks fail their checksums is refused before much happens.
static void put_checksums_right(uint8_t *file, size_t size) {
  for (size_t position = 8; position + 12 <= size;) {
    uint8_t *chunk = file + position;
    size_t length = length_of(chunk);
    if (length > size - position - 12) return;
    put_number(chunk + 8 + length, crc32(crc32(0, NULL, 0), chunk + 4, (uInt)length + 4));
    position += length + 12;
  }
}

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

// Each row begins with the number of its filter, 0...4; another ends decoding.
static void put_filters_right(const uint8_t *header, uint8_t *rows, size_t size) {
  static const uint8_t channels[] = {1, 1, 3, 1, 2, 1, 4, 1};
  int is_interlaced = header[12];
  size_t row_bits = length_of(header) * header[8] * channels[header[9] & 7];
  for (size_t place = 0; place < size && !is_interlaced; place += 1 + (row_bits + 7) / 8) rows[place] %= 5;
}

// Changes what is in a chunk, and its length with it; mostly the pixels within the compressed stream. Blind changes leave
// one PNG in fifty that can be decoded.
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed) {
  static uint8_t unpacked[1 << 18], packed[1 << 19];
  size_t chunks[64], count = 0;
  for (size_t position = PARAMETERS + 8; position + 12 <= size && count < 64;) {
    size_t length = length_of(data + position);
    if (length > size - position - 12) break;
    chunks[count++] = position;
    position += length + 12;
  }
  if (count == 0 || seed % 8 == 0) return LLVMFuzzerMutate(data, size, max_size);
  if (seed % 8 == 1) {
    LLVMFuzzerMutate(data, PARAMETERS, PARAMETERS);
    return size;
  }
  size_t chosen = seed / 8 % 16 == 0 ? 0 : count > 1 ? 1 + seed / 128 % (count - 1) : 0;
  uint8_t *chunk = data + chunks[chosen];
  size_t length = length_of(chunk), changed;
  int is_header = memcmp(chunk + 4, "IHDR", 4) == 0;
  uLongf unpacked_size = sizeof unpacked - 64, packed_size = sizeof packed;
  int is_stream = memcmp(chunk + 4, "IDAT", 4) == 0 && seed / 8192 % 8 != 0 &&
                  uncompress(unpacked, &unpacked_size, chunk + 8, length) == Z_OK;
  if (is_stream) {
    changed = LLVMFuzzerMutate(unpacked, unpacked_size, unpacked_size + 64);
    if (chunks[0] + 25 <= size) put_filters_right(data + chunks[0] + 8, unpacked, changed);
    if (compress2(packed, &packed_size, unpacked, changed, 1) != Z_OK) return size;
    changed = packed_size;
  } else {
    if (length > sizeof packed - 64) return size;
    memcpy(packed, chunk + 8, length);
    changed = LLVMFuzzerMutate(packed, length, is_header ? length : length + 64);
    if (is_header) changed = length;
  }
  if (size - length + changed > max_size) return size;
  memmove(chunk + 8 + changed, chunk + 8 + length, size - (size_t)(chunk + 8 + length - data));
  memcpy(chunk + 8, packed, changed);
  put_number(chunk, changed);
  return size - length + changed;
}

#endif

static void check_text(const char *text) {
  size_t length = strnlen(text, CIMAGECODEC_ERROR_SIZE);
  if (length == 0 || length == CIMAGECODEC_ERROR_SIZE) fail("an error without text, or without an end");
  if (strchr(text, '\n')) fail("an error of more than one line");
}

// Whether the decoded part holds `wanted` (in scaled pixels) with the pixels of `whole`.
static void compare(const cimagecodec_region *part, cimagecodec_rectangle wanted, const uint8_t *whole) {
  cimagecodec_rectangle frame = part->frame;
  if (wanted.left < frame.left || wanted.top < frame.top || wanted.left + wanted.width > frame.left + frame.width ||
      wanted.top + wanted.height > frame.top + frame.height) {
    fail("a part that does not cover what was asked for");
  }
  for (size_t y = wanted.top; y < wanted.top + wanted.height; y++) {
    const uint8_t *row = part->pixels + (y - frame.top) * part->bytes_per_row + (wanted.left - frame.left) * 3;
    const uint8_t *expected = whole + (y * part->scaled_width + wanted.left) * 3;
    if (memcmp(row, expected, wanted.width * 3) != 0) fail("a part whose pixels are not those of the whole image");
  }
}

static void decode(const uint8_t *file, size_t size, const uint8_t parameters[PARAMETERS]) {
  char text[CIMAGECODEC_ERROR_SIZE];
  size_t width, height;
  int applies_orientation = parameters[0] & 1, scale = 1 << (parameters[0] >> 1 & 3);
  cimagecodec_decoder *decoder = cimagecodec_decoder_create(), *reference = cimagecodec_decoder_create();
  if (!decoder || !reference) fail("no memory");
  cimagecodec_decoder_use_only_libjpeg(reference);
  if (cimagecodec_decoder_begin(decoder, file, size, applies_orientation, &width, &height, text)) {
    check_text(text);
    cimagecodec_decoder_destroy(decoder);
    cimagecodec_decoder_destroy(reference);
    return;
  }
  note_outcome(0, (width & 15) << 4 | (height & 15));

  cimagecodec_rectangle region;
  region.left = parameters[1] * width / 256;
  region.top = parameters[2] * height / 256;
  region.width = 1 + parameters[3] * (width - region.left - 1) / 255;
  region.height = 1 + parameters[4] * (height - region.top - 1) / 255;
  cimagecodec_region whole, part;
  uint8_t *pixels = NULL;
  cimagecodec_rectangle all = {0, 0, width, height};
  if (cimagecodec_decoder_begin(reference, file, size, applies_orientation, &width, &height, text)) {
    fail("a header that is good for one decoder and bad for the next");
  }
  if (cimagecodec_decoder_decode(reference, all, scale, &whole, text)) {
    check_text(text);
    note_outcome(1, 0);
  } else {
    decoded_count++;
    note_outcome(3, (size_t)whole.scale_denominator);
    pixels = malloc(whole.scaled_width * whole.scaled_height * 3);
    if (!pixels) fail("no memory");
    for (size_t y = 0; y < whole.scaled_height; y++) {
      memcpy(pixels + y * whole.scaled_width * 3, whole.pixels + y * whole.bytes_per_row, whole.scaled_width * 3);
    }
  }
  for (int round = 0; round < 3; round++) {
    if (round == 2) region = all;
    int failed = round > 0 && !pixels && cimagecodec_decoder_begin(decoder, file, size, applies_orientation, &width, &height, text);
    if (failed) fail("a header that is good once and bad the next time");
    if (cimagecodec_decoder_decode(decoder, region, scale, &part, text)) {
      check_text(text);
      note_outcome(2, 0);
      if (pixels) fail("a part that fails where the whole image does not");
    } else if (!pixels && round == 2) {
      fail("a whole image that decodes where the reference fails");
    } else if (pixels) {
      size_t scale_done = (size_t)part.scale_denominator;
      cimagecodec_rectangle wanted = {region.left / scale_done, region.top / scale_done, 0, 0};
      wanted.width = (region.left + region.width + scale_done - 1) / scale_done - wanted.left;
      wanted.height = (region.top + region.height + scale_done - 1) / scale_done - wanted.top;
      compare(&part, wanted, pixels);
    }
  }
  free(pixels);
  cimagecodec_decoder_destroy(decoder);
  cimagecodec_decoder_destroy(reference);
}

static void report(void) { fprintf(stderr, "stat::decoded_inputs: %zu\n", decoded_count); }

int LLVMFuzzerInitialize(int *argument_count, char ***arguments) {
  (void)argument_count;
  (void)arguments;
  return atexit(report);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < PARAMETERS) return 0;
  // Memory of exactly the file's size, so that one byte read too many is seen.
  uint8_t *file = malloc(size - PARAMETERS + (size == PARAMETERS));
  if (!file) return 0;
  memcpy(file, data + PARAMETERS, size - PARAMETERS);
  put_signature_right(file, size - PARAMETERS);
#ifdef FUZZ_PNG
  if ((data[5] & 3) != 0) put_checksums_right(file, size - PARAMETERS);
#endif
  decode(file, size - PARAMETERS, data);
  free(file);
  return 0;
}
