// A second decoder for the kind of JPEG that nearly all photographs are: baseline, 8 bits, one scan, gray or YCbCr with
// chroma at full size, at half its width, or at half its width and height. Its pixels are those of libjpeg-turbo (islow
// transform, fancy upsampling), to the bit. It makes no pixel that is not asked for, and its Huffman decoder, where most of
// the time goes, is the faster one.
//
// Whatever is not plainly right (another kind of file, damage, coefficients that no encoder writes) it leaves to libjpeg.
#ifndef CIMAGECODEC_BASELINE_H
#define CIMAGECODEC_BASELINE_H

#include "CImageCodec.h"

#include <stdio.h>

#include <jpeglib.h>

// What the last group of pixels of an image may be written beyond its end, in bytes.
enum { BASELINE_OVERHANG = 48 };

typedef struct baseline_decoder baseline_decoder;

// NULL when there is no memory.
baseline_decoder *baseline_create(void);
void baseline_destroy(baseline_decoder *decoder);

// Whether images like the one whose header `codec` has read may be decoded here.
int baseline_accepts(const struct jpeg_decompress_struct *codec);

// Decodes `region` to `pixels`, interleaved RGB without gaps, with room for BASELINE_OVERHANG bytes more. Returns 1, or 0
// when libjpeg has to decode instead; `codec`, whose header is read and no more, is as it was.
int baseline_decode(
    baseline_decoder *decoder, const struct jpeg_decompress_struct *codec, cimagecodec_rectangle region,
    uint8_t *pixels);

// MARK: - Entropy coding

// With coefficients up to LARGEST_COEFFICIENT, dequantized, and as much halfway, no sum in libjpeg's vector instructions
// is cut off; what an encoder makes of pixels is about half of that.
enum { LOOKUP_BITS = 10, LARGEST_COEFFICIENT = 16383 };

// What the next bits say: one code with the value after it, or two; 0 where the code is longer than that, or none.
typedef uint64_t code_entry;

typedef struct {
  code_entry entries[1 << LOOKUP_BITS];
  code_entry single[1 << LOOKUP_BITS];  // before they were paired
  int32_t first_code[17], end_code[17], first_symbol[17];  // of each length
  JHUFF_TBL definition;
  int is_dc, is_valid;
} huffman_table;

// Prepares a table, unless it is that one already. Returns 0 when the definition makes no sense.
int huffman_table_prepare(huffman_table *table, const JHUFF_TBL *definition, int is_dc);

// Bits of a part of a scan without stuffing, followed by ENTROPY_PADDING bytes of zeros.
typedef struct {
  uint64_t window;  // the next bits, from the highest down
  int count;        // how many of them are there
  const uint8_t *next;
  const uint8_t *end;
} bit_reader;

enum { ENTROPY_PADDING = 2048 };

typedef struct {
  const huffman_table *dc, *ac;
  int prediction;
} block_coding;

// Decodes a block's coefficients in natural order, where all but the first were 0; what is written to the last place has
// no meaning. Returns how many there are to the last one that is not 0, or 0 when they cannot be decoded.
int decode_block(bit_reader *reader, block_coding *coding, int16_t block[65]);

// Passes over a block. Returns 0 when it cannot be decoded.
int skip_block(bit_reader *reader, block_coding *coding);

// MARK: - Pixels

// Dequantizes the coefficients, of which `count` are not 0, and makes 8 × 8 samples of them by libjpeg's islow transform.
// Returns 0 when a number is so great that libjpeg's vector instructions would cut it off.
int transform_block(
    const int16_t block[64], int count, const int32_t quantizers[64], uint8_t *samples, size_t bytes_per_row);

// Doubles the width of a row. `sums` are 1 or 4 times the samples (`is_quadrupled`), with a neighbor on either side.
void upsample_row(const int16_t *sums, size_t count, int is_quadrupled, uint8_t *row);

// Writes pixels, in groups of 16: up to 15 more than asked for.
void convert_row(const uint8_t *y, const uint8_t *cb, const uint8_t *cr, size_t count, uint8_t *rgb);
void convert_gray_row(const uint8_t *y, size_t count, uint8_t *rgb);

#endif
