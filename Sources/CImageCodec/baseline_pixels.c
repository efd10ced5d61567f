#include "baseline.h"

#include <immintrin.h>

typedef int32_t lanes __attribute__((vector_size(32)));

// Fractions of 13 bits; the first pass keeps two more bits than the samples have.
enum { FRACTION = 13, FIRST_SHIFT = 11, SECOND_SHIFT = 18 };

// The one-dimensional transform of Loeffler, Ligtenberg and Moschytz, as jidctint.c has it, of eight columns at once.
static inline __attribute__((always_inline)) void transform(lanes v[8], int shift) {
  lanes z1 = (v[2] + v[6]) * 4433;
  lanes even2 = z1 - v[6] * 15137, even3 = z1 + v[2] * 6270;
  lanes rounding = (lanes){} + (1 << (shift - 1));
  lanes even0 = ((v[0] + v[4]) << FRACTION) + rounding, even1 = ((v[0] - v[4]) << FRACTION) + rounding;
  lanes sum0 = even0 + even3, sum3 = even0 - even3, sum1 = even1 + even2, sum2 = even1 - even2;

  lanes z3 = v[7] + v[3], z4 = v[5] + v[1], z5 = (z3 + z4) * 9633;
  lanes y1 = (v[7] + v[1]) * -7373, y2 = (v[5] + v[3]) * -20995;
  lanes y3 = z3 * -16069 + z5, y4 = z4 * -3196 + z5;
  lanes odd0 = v[7] * 2446 + y1 + y3, odd1 = v[5] * 16819 + y2 + y4;
  lanes odd2 = v[3] * 25172 + y2 + y3, odd3 = v[1] * 12299 + y1 + y4;

  v[0] = (sum0 + odd3) >> shift;
  v[7] = (sum0 - odd3) >> shift;
  v[1] = (sum1 + odd2) >> shift;
  v[6] = (sum1 - odd2) >> shift;
  v[2] = (sum2 + odd1) >> shift;
  v[5] = (sum2 - odd1) >> shift;
  v[3] = (sum3 + odd0) >> shift;
  v[4] = (sum3 - odd0) >> shift;
}

static inline __attribute__((always_inline)) void transpose(lanes v[8]) {
  __m256i a[8], b[8];
  for (int i = 0; i < 8; i += 2) {
    a[i] = _mm256_unpacklo_epi32((__m256i)v[i], (__m256i)v[i + 1]);
    a[i + 1] = _mm256_unpackhi_epi32((__m256i)v[i], (__m256i)v[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    b[i] = _mm256_unpacklo_epi64(a[i], a[i + 2]);
    b[i + 1] = _mm256_unpackhi_epi64(a[i], a[i + 2]);
    b[i + 2] = _mm256_unpacklo_epi64(a[i + 1], a[i + 3]);
    b[i + 3] = _mm256_unpackhi_epi64(a[i + 1], a[i + 3]);
  }
  for (int i = 0; i < 4; i++) {
    v[i] = (lanes)_mm256_permute2x128_si256(b[i], b[i + 4], 0x20);
    v[i + 4] = (lanes)_mm256_permute2x128_si256(b[i], b[i + 4], 0x31);
  }
}

// Whether any number lies outside ±LARGEST_COEFFICIENT.
static inline __attribute__((always_inline)) int exceeds(const lanes v[8]) {
  __m256i greatest = _mm256_abs_epi32((__m256i)v[0]);
  for (int i = 1; i < 8; i++) greatest = _mm256_max_epu32(greatest, _mm256_abs_epi32((__m256i)v[i]));
  return !_mm256_testz_si256(greatest, _mm256_set1_epi32(~LARGEST_COEFFICIENT));
}

// `used` says how many rows and columns may hold coefficients that are not 0; a number that the compiler knows.
static inline __attribute__((always_inline)) int transform_used(
    int used, const int16_t block[64], const int32_t quantizers[64], uint8_t *samples, size_t bytes_per_row) {
  lanes v[8] = {};
  for (int i = 0; i < used; i++) {
    __m256i row = _mm256_cvtepi16_epi32(_mm_loadu_si128((const __m128i *)(block + 8 * i)));
    v[i] = (lanes)row * (lanes)_mm256_loadu_si256((const __m256i *)(quantizers + 8 * i));
  }
  if (exceeds(v)) return 0;
  transform(v, FIRST_SHIFT);
  if (exceeds(v)) return 0;
  transpose(v);
  for (int i = used; i < 8; i++) v[i] = (lanes){};
  transform(v, SECOND_SHIFT);

  // v[i] is column i. Eight columns of four rows are packed in each half, then put in order of rows.
  __m256i left = _mm256_packs_epi16(
      _mm256_packs_epi32((__m256i)v[0], (__m256i)v[1]), _mm256_packs_epi32((__m256i)v[2], (__m256i)v[3]));
  __m256i right = _mm256_packs_epi16(
      _mm256_packs_epi32((__m256i)v[4], (__m256i)v[5]), _mm256_packs_epi32((__m256i)v[6], (__m256i)v[7]));
  const __m256i by_rows = _mm256_broadcastsi128_si256(
      _mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15));
  left = _mm256_shuffle_epi8(_mm256_add_epi8(left, _mm256_set1_epi8(-128)), by_rows);
  right = _mm256_shuffle_epi8(_mm256_add_epi8(right, _mm256_set1_epi8(-128)), by_rows);
  __m256i first = _mm256_unpacklo_epi32(left, right), second = _mm256_unpackhi_epi32(left, right);
  __m128i rows[4] = {
      _mm256_castsi256_si128(first), _mm256_castsi256_si128(second), _mm256_extracti128_si256(first, 1),
      _mm256_extracti128_si256(second, 1)};
  for (int i = 0; i < 4; i++) {
    _mm_storel_epi64((__m128i *)(samples + (size_t)(2 * i) * bytes_per_row), rows[i]);
    _mm_storeh_pd((double *)(samples + (size_t)(2 * i + 1) * bytes_per_row), (__m128d)rows[i]);
  }
  return 1;
}

static int transform_flat_block(int coefficient, const int32_t quantizers[64], uint8_t *samples, size_t bytes_per_row) {
  int value = coefficient * quantizers[0];
  if (value > LARGEST_COEFFICIENT / 4 || value < -LARGEST_COEFFICIENT / 4) return 0;
  int level = ((value + 4) >> 3) + 128;
  level = level < 0 ? 0 : level > 255 ? 255 : level;
  uint64_t row = (uint64_t)level * 0x0101010101010101u;
  for (int i = 0; i < 8; i++) __builtin_memcpy(samples + (size_t)i * bytes_per_row, &row, 8);
  return 1;
}

int transform_block(
    const int16_t block[64], int count, const int32_t quantizers[64], uint8_t *samples, size_t bytes_per_row) {
  if (count == 1) return transform_flat_block(block[0], quantizers, samples, bytes_per_row);
  // In zigzag order the first ten lie in the first four rows and columns.
  return count <= 10 ? transform_used(4, block, quantizers, samples, bytes_per_row)
                     : transform_used(8, block, quantizers, samples, bytes_per_row);
}

void upsample_row(const int16_t *restrict sums, size_t count, int is_quadrupled, uint8_t *restrict row) {
  int16_t left = is_quadrupled ? 8 : 1, right = is_quadrupled ? 7 : 2;
  int shift = is_quadrupled ? 4 : 2;
  for (size_t i = 0; i < count; i += 16) {
    __m256i own = _mm256_loadu_si256((const __m256i *)(sums + i));
    own = _mm256_add_epi16(own, _mm256_add_epi16(own, own));
    __m256i before = _mm256_loadu_si256((const __m256i *)(sums + i - 1));
    __m256i after = _mm256_loadu_si256((const __m256i *)(sums + i + 1));
    before = _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(own, before), _mm256_set1_epi16(left)), shift);
    after = _mm256_srli_epi16(_mm256_add_epi16(_mm256_add_epi16(own, after), _mm256_set1_epi16(right)), shift);
    _mm256_storeu_si256((__m256i *)(row + 2 * i), _mm256_or_si256(before, _mm256_slli_epi16(after, 8)));
  }
}

// Three times 16 bytes to 48, by threes.
static inline __attribute__((always_inline)) void interleave(__m128i red, __m128i green, __m128i blue, uint8_t *rgb) {
  const __m128i red0 = _mm_setr_epi8(0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1, 5);
  const __m128i red1 = _mm_setr_epi8(-1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10, -1);
  const __m128i red2 = _mm_setr_epi8(-1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1, -1);
  const __m128i green0 = _mm_setr_epi8(-1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1, -1);
  const __m128i green1 = _mm_setr_epi8(5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1, 10);
  const __m128i green2 = _mm_setr_epi8(-1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15, -1);
  const __m128i blue0 = _mm_setr_epi8(-1, -1, 0, -1, -1, 1, -1, -1, 2, -1, -1, 3, -1, -1, 4, -1);
  const __m128i blue1 = _mm_setr_epi8(-1, 5, -1, -1, 6, -1, -1, 7, -1, -1, 8, -1, -1, 9, -1, -1);
  const __m128i blue2 = _mm_setr_epi8(10, -1, -1, 11, -1, -1, 12, -1, -1, 13, -1, -1, 14, -1, -1, 15);
  _mm_storeu_si128(
      (__m128i *)rgb, _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(red, red0), _mm_shuffle_epi8(green, green0)),
                                   _mm_shuffle_epi8(blue, blue0)));
  _mm_storeu_si128(
      (__m128i *)(rgb + 16), _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(red, red1), _mm_shuffle_epi8(green, green1)),
                                          _mm_shuffle_epi8(blue, blue1)));
  _mm_storeu_si128(
      (__m128i *)(rgb + 32), _mm_or_si128(_mm_or_si128(_mm_shuffle_epi8(red, red2), _mm_shuffle_epi8(green, green2)),
                                          _mm_shuffle_epi8(blue, blue2)));
}

static inline __attribute__((always_inline)) __m256i load_levels(const uint8_t *levels) {
  return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)levels));
}

static inline __attribute__((always_inline)) __m128i levels(__m256i values) {
  __m256i packed = _mm256_packus_epi16(values, values);
  return _mm256_castsi256_si128(_mm256_permute4x64_epi64(packed, 0x08));
}

// (factor · value + 2^15) >> 16, for factors of 16 bits with sign.
static inline __attribute__((always_inline)) __m256i scaled(__m256i value, int factor) {
  __m256i doubled = _mm256_mulhi_epi16(_mm256_add_epi16(value, value), _mm256_set1_epi16((int16_t)factor));
  return _mm256_srai_epi16(_mm256_add_epi16(doubled, _mm256_set1_epi16(1)), 1);
}

// jdcolor.c: R = Y + 1.402 Cr, G = Y - 0.34414 Cb - 0.71414 Cr, B = Y + 1.772 Cb, in fractions of 16 bits, of which only
// what is left of a whole number fits into 16 bits with sign.
void convert_row(const uint8_t *y, const uint8_t *cb, const uint8_t *cr, size_t count, uint8_t *rgb) {
  const __m256i middle = _mm256_set1_epi16(128);
  const __m256i factors = _mm256_set1_epi32((int)((uint32_t)18734 << 16 | (uint16_t)-22554));
  const __m256i half = _mm256_set1_epi32(1 << 15);
  for (size_t x = 0; x < count; x += 16, rgb += 48) {
    __m256i luma = load_levels(y + x);
    __m256i blueness = _mm256_sub_epi16(load_levels(cb + x), middle);
    __m256i redness = _mm256_sub_epi16(load_levels(cr + x), middle);
    __m256i red = _mm256_add_epi16(_mm256_add_epi16(luma, redness), scaled(redness, 26345));
    __m256i blue = _mm256_add_epi16(
        _mm256_add_epi16(luma, _mm256_add_epi16(blueness, blueness)), scaled(blueness, -14942));
    __m256i low = _mm256_madd_epi16(_mm256_unpacklo_epi16(blueness, redness), factors);
    __m256i high = _mm256_madd_epi16(_mm256_unpackhi_epi16(blueness, redness), factors);
    __m256i share = _mm256_packs_epi32(
        _mm256_srai_epi32(_mm256_add_epi32(low, half), 16), _mm256_srai_epi32(_mm256_add_epi32(high, half), 16));
    __m256i green = _mm256_add_epi16(luma, _mm256_sub_epi16(share, redness));
    interleave(levels(red), levels(green), levels(blue), rgb);
  }
}

void convert_gray_row(const uint8_t *y, size_t count, uint8_t *rgb) {
  for (size_t x = 0; x < count; x += 16, rgb += 48) {
    __m128i luma = _mm_loadu_si128((const __m128i *)(y + x));
    interleave(luma, luma, luma, rgb);
  }
}
