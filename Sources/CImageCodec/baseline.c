#include "baseline.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES_BEYOND = 64, KEPT_BYTES = 64 << 20 };

typedef struct {
  int columns, rows;  // of blocks in an MCU
  block_coding coding;
  int32_t quantizers[64];
  uint8_t *samples;  // two rows of MCUs, which rows of the image take in turn
  size_t stride;
  size_t left, width, height;  // first column held; the whole component, without what fills its last blocks
} component;

struct baseline_decoder {
  huffman_table dc[NUM_HUFF_TBLS], ac[NUM_HUFF_TBLS];
  uint8_t *memory;
  size_t capacity;

  // Of the image at hand.
  component components[3];
  int count;
  bit_reader reader;
  uint8_t *entropy;  // the bytes that are read, without stuffing
  const uint8_t *bytes, *bytes_end;
  int marker;  // that follows them; 0 where the file ends
  int16_t *sums;
  uint8_t *chroma[2];
};

baseline_decoder *baseline_create(void) { return calloc(1, sizeof(baseline_decoder)); }

void baseline_destroy(baseline_decoder *decoder) {
  if (decoder) free(decoder->memory);
  free(decoder);
}

int baseline_accepts(const struct jpeg_decompress_struct *codec) {
  int count = codec->num_components;
  if (codec->progressive_mode || codec->arith_code || codec->data_precision != 8 || codec->comps_in_scan != count ||
      codec->Ss != 0 || codec->Se != DCTSIZE2 - 1 || codec->Ah != 0 || codec->Al != 0) {
    return 0;
  }
  if (!(count == 1 && codec->jpeg_color_space == JCS_GRAYSCALE) &&
      !(count == 3 && codec->jpeg_color_space == JCS_YCbCr)) {
    return 0;
  }
  for (int i = 0; i < count; i++) {
    const jpeg_component_info *info = &codec->comp_info[i];
    const JQUANT_TBL *quantizers = info->quant_tbl_no < NUM_QUANT_TBLS ? codec->quant_tbl_ptrs[info->quant_tbl_no] : NULL;
    if (codec->cur_comp_info[i] != info || !quantizers || info->dc_tbl_no >= NUM_HUFF_TBLS ||
        info->ac_tbl_no >= NUM_HUFF_TBLS || !codec->dc_huff_tbl_ptrs[info->dc_tbl_no] ||
        !codec->ac_huff_tbl_ptrs[info->ac_tbl_no]) {
      return 0;
    }
    for (int k = 0; k < DCTSIZE2; k++) {
      if (quantizers->quantval[k] > 255) return 0;
    }
    if (i > 0 && (info->h_samp_factor != 1 || info->v_samp_factor != 1)) return 0;
  }
  int columns = codec->comp_info[0].h_samp_factor, rows = codec->comp_info[0].v_samp_factor;
  // libjpeg upsamples chroma of one or two columns in another way.
  return count == 1 || (columns == 1 && rows == 1) ||
         (columns == 2 && rows <= 2 && codec->comp_info[1].downsampled_width > 2);
}

// MARK: - Reading

// Takes bytes up to a marker and leaves out the zeros that were stuffed in after each 0xFF. Fill bytes before a marker
// count as one that nobody expects.
static void begin_segment(baseline_decoder *decoder) {
  const uint8_t *bytes = decoder->bytes, *end = decoder->bytes_end;
  uint8_t *output = decoder->entropy;
  decoder->marker = 0;
  while (bytes < end) {
    const uint8_t *stop = memchr(bytes, 0xFF, (size_t)(end - bytes));
    size_t count = (size_t)((stop ? stop : end) - bytes);
    memcpy(output, bytes, count);
    output += count;
    bytes += count;
    if (!stop || end - bytes < 2) break;
    if (bytes[1] != 0) {
      decoder->marker = bytes[1];
      break;
    }
    *output++ = 0xFF;
    bytes += 2;
  }
  memset(output, 0, ENTROPY_PADDING);
  decoder->bytes = bytes;
  decoder->reader = (bit_reader){.next = decoder->entropy, .end = output};
  for (int i = 0; i < decoder->count; i++) decoder->components[i].coding.prediction = 0;
}

// Bits that are left; below 0 when more were read than there were.
static ptrdiff_t bits_left(const bit_reader *reader) { return (reader->end - reader->next) * 8 + reader->count; }

// Whether a segment is read to its last byte and ends with the marker.
static int ends_with(const baseline_decoder *decoder, int marker) {
  ptrdiff_t left = bits_left(&decoder->reader);
  return left >= 0 && left < 8 && decoder->marker == marker;
}

static int decode_mcu(baseline_decoder *decoder, size_t column, size_t row) {
  for (int i = 0; i < decoder->count; i++) {
    component *c = &decoder->components[i];
    uint8_t *samples = c->samples + (row & 1) * (size_t)c->rows * 8 * c->stride + column * (size_t)c->columns * 8;
    for (int y = 0; y < c->rows; y++, samples += 8 * c->stride) {
      for (int x = 0; x < c->columns; x++) {
        int16_t block[65] = {0};
        int count = decode_block(&decoder->reader, &c->coding, block);
        if (count == 0 || !transform_block(block, count, c->quantizers, samples + 8 * x, c->stride)) return 0;
      }
    }
  }
  return 1;
}

static int skip_mcu(baseline_decoder *decoder) {
  for (int i = 0; i < decoder->count; i++) {
    component *c = &decoder->components[i];
    for (int block = 0; block < c->rows * c->columns; block++) {
      if (!skip_block(&decoder->reader, &c->coding)) return 0;
    }
  }
  return 1;
}

// MARK: - Pixels

static const uint8_t *row_of(const component *c, size_t y) { return c->samples + y % ((size_t)c->rows * 16) * c->stride; }

// A row of chroma at full width: three parts of the nearest row and, where the height is doubled too, one of the second
// nearest. Beyond the image's border lies what is at it.
static void upsample(const component *c, size_t y, int doubles_height, int16_t *sums, uint8_t *output) {
  size_t nearest = doubles_height ? y / 2 : y;
  size_t second = y % 2 == 0 ? (nearest == 0 ? 0 : nearest - 1) : (nearest + 1 < c->height ? nearest + 1 : nearest);
  const uint8_t *near_row = row_of(c, nearest), *far_row = row_of(c, second);
  size_t count = c->stride - SAMPLES_BEYOND;
  if (doubles_height) {
    for (size_t x = 0; x < count; x++) sums[x] = (int16_t)(3 * near_row[x] + far_row[x]);
  } else {
    for (size_t x = 0; x < count; x++) sums[x] = near_row[x];
  }
  sums[-1] = sums[0];
  if (c->left + count >= c->width) sums[c->width - c->left] = sums[c->width - c->left - 1];
  upsample_row(sums, count, doubles_height, output);
}

static void convert(baseline_decoder *decoder, cimagecodec_rectangle region, size_t y, uint8_t *pixels) {
  const component *luma = &decoder->components[0];
  size_t offset = region.left - luma->left;
  const uint8_t *chroma[2] = {NULL, NULL};
  for (int i = 1; i < decoder->count; i++) {
    const component *c = &decoder->components[i];
    if (luma->columns == 1) {
      chroma[i - 1] = row_of(c, y);
    } else {
      upsample(c, y, luma->rows == 2, decoder->sums, decoder->chroma[i - 1]);
      chroma[i - 1] = decoder->chroma[i - 1];
    }
  }
  uint8_t *output = pixels + (y - region.top) * region.width * 3;
  const uint8_t *samples = row_of(luma, y) + offset;
  if (decoder->count == 1) {
    convert_gray_row(samples, region.width, output);
  } else {
    convert_row(samples, chroma[0] + offset, chroma[1] + offset, region.width, output);
  }
}

// MARK: - The whole

static int prepare(
    baseline_decoder *decoder, const struct jpeg_decompress_struct *codec, size_t first_column, size_t columns) {
  decoder->count = codec->num_components;
  size_t entropy = codec->src->bytes_in_buffer + ENTROPY_PADDING, needed = entropy, chroma_stride = 0;
  for (int i = 0; i < decoder->count; i++) {
    const jpeg_component_info *info = &codec->comp_info[i];
    component *c = &decoder->components[i];
    if (!huffman_table_prepare(&decoder->dc[info->dc_tbl_no], codec->dc_huff_tbl_ptrs[info->dc_tbl_no], 1) ||
        !huffman_table_prepare(&decoder->ac[info->ac_tbl_no], codec->ac_huff_tbl_ptrs[info->ac_tbl_no], 0)) {
      return 0;
    }
    c->coding.dc = &decoder->dc[info->dc_tbl_no];
    c->coding.ac = &decoder->ac[info->ac_tbl_no];
    for (int k = 0; k < 64; k++) c->quantizers[k] = codec->quant_tbl_ptrs[info->quant_tbl_no]->quantval[k];
    c->columns = decoder->count == 1 ? 1 : info->h_samp_factor;
    c->rows = decoder->count == 1 ? 1 : info->v_samp_factor;
    c->left = first_column * (size_t)c->columns * 8;
    c->width = info->downsampled_width;
    c->height = info->downsampled_height;
    c->stride = columns * (size_t)c->columns * 8 + SAMPLES_BEYOND;
    needed += c->stride * (size_t)c->rows * 16;
    chroma_stride = c->stride;
  }
  // Sums, and two rows at full width.
  needed += 6 * chroma_stride + 6 * SAMPLES_BEYOND;
  // More than that is not kept for the next image.
  if (decoder->capacity < needed || decoder->capacity > KEPT_BYTES) {
    free(decoder->memory);
    decoder->memory = calloc(1, needed);
    decoder->capacity = decoder->memory ? needed : 0;
  }
  if (!decoder->memory) return 0;
  uint8_t *place = decoder->memory;
  decoder->sums = (int16_t *)(void *)place + SAMPLES_BEYOND / 2;
  place += 2 * (chroma_stride + SAMPLES_BEYOND);
  for (int i = 0; i < 2; i++, place += 2 * (chroma_stride + SAMPLES_BEYOND)) decoder->chroma[i] = place;
  for (int i = 0; i < decoder->count; i++) {
    component *c = &decoder->components[i];
    c->samples = place;
    place += c->stride * (size_t)c->rows * 16;
  }
  decoder->entropy = place;
  decoder->bytes = codec->src->next_input_byte;
  decoder->bytes_end = decoder->bytes + codec->src->bytes_in_buffer;
  begin_segment(decoder);
  return 1;
}

int baseline_decode(
    baseline_decoder *decoder, const struct jpeg_decompress_struct *codec, cimagecodec_rectangle region,
    uint8_t *pixels) {
  int is_gray = codec->num_components == 1;
  size_t mcu_width = is_gray ? 8 : (size_t)codec->max_h_samp_factor * 8;
  size_t mcu_height = is_gray ? 8 : (size_t)codec->max_v_samp_factor * 8;
  size_t width = codec->image_width, height = codec->image_height;
  size_t bottom = region.top + region.height, right = region.left + region.width;
  size_t mcu_columns = (width + mcu_width - 1) / mcu_width;

  // Upsampling looks one pixel beyond what it makes.
  size_t reach_x = mcu_width > 8, reach_y = mcu_height > 8;
  size_t first_column = (region.left - (region.left > 0 ? reach_x : 0)) / mcu_width;
  size_t first_row = (region.top - (region.top > 0 ? reach_y : 0)) / mcu_height;
  size_t end_column = ((right < width ? right + reach_x : width) + mcu_width - 1) / mcu_width;
  size_t end_row = ((bottom < height ? bottom + reach_y : height) + mcu_height - 1) / mcu_height;
  if (!prepare(decoder, codec, first_column, end_column - first_column)) return 0;

  size_t interval = codec->restart_interval, until_restart = interval, y = region.top;
  int restart = 0;
  for (size_t row = 0; row < end_row; row++) {
    for (size_t column = 0; column < mcu_columns; column++) {
      if (interval > 0 && until_restart-- == 0) {
        if (!ends_with(decoder, JPEG_RST0 + restart)) return 0;
        restart = (restart + 1) & 7;
        until_restart = interval - 1;
        decoder->bytes += 2;
        begin_segment(decoder);
      }
      int is_wanted = row >= first_row && column >= first_column && column < end_column;
      if (!(is_wanted ? decode_mcu(decoder, column - first_column, row) : skip_mcu(decoder))) return 0;
      // An MCU of six blocks, of 64 codes of 26 bits at most each, reads no more than the padding.
      if (decoder->reader.next > decoder->reader.end + sizeof(uint64_t)) return 0;
    }
    // The last row of an MCU waits for the chroma below it.
    size_t complete = row + 1 == end_row ? bottom : (row + 1) * mcu_height - reach_y;
    for (; row >= first_row && y < complete && y < bottom; y++) convert(decoder, region, y, pixels);
  }
  if (bits_left(&decoder->reader) < 0) return 0;
  return bottom < height || ends_with(decoder, JPEG_EOI);
}
