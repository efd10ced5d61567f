#include "baseline.h"

#include <stddef.h>
#include <string.h>

enum { END_OF_BLOCK = 128, INVALID = 256, LARGEST_DC = 11, LARGEST_AC = 10 };

// Fields of an entry, by their first bit: the bits of all that it stands for; of a first code, its own bits and those of
// its value, the bits of both, and by how many coefficients to advance; of a second one, where its value begins, its
// bits, and how far to advance from the first.
enum {
  ALL_BITS = 0,
  FIRST_CODE = 8,
  FIRST_SIZE = 16,
  FIRST_ADVANCE = 24,
  SECOND_CODE = 32,
  SECOND_SIZE = 40,
  SECOND_ADVANCE = 48,
  FIRST_BITS = 56,
};

static inline __attribute__((always_inline)) int field(code_entry entry, int bit) { return entry >> bit & 255; }

// Where the coefficients of a block lie that come one after another; those beyond the last go to a place of no meaning.
static const uint8_t natural_order[INVALID] = {
    0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,  12, 19, 26, 33, 40, 48,
    41, 34, 27, 20, 13, 6,  7,  14, 21, 28, 35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23,
    30, 37, 44, 51, 58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
    [64 ... INVALID - 1] = 64,
};

// An AC symbol is a run of zeros and the size of the value that follows them; size 0 is the end of the block or, with a
// run of 15, one zero more. Of DC symbols there is only the size.
static code_entry entry_of(int symbol, int code_bits, int is_dc) {
  int run = is_dc ? 0 : symbol >> 4, size = is_dc ? symbol : symbol & 15;
  if (size > (is_dc ? LARGEST_DC : LARGEST_AC) || (!is_dc && size == 0 && run != 0 && run != 15)) return 0;
  code_entry bits = (code_entry)(code_bits + size), advance = (code_entry)(!is_dc && symbol == 0 ? END_OF_BLOCK : run);
  return bits << ALL_BITS | bits << FIRST_BITS | (code_entry)code_bits << FIRST_CODE | (code_entry)size << FIRST_SIZE |
         advance << FIRST_ADVANCE | bits << SECOND_CODE;
}

// Lets short codes bring the one after them along, so that both cost one look.
static void pair_entries(huffman_table *table) {
  static const int places = 1 << LOOKUP_BITS;
  for (int place = places - 1; place >= 0; place--) {
    code_entry first = table->entries[place];
    int bits = field(first, FIRST_BITS);
    if (first == 0 || bits >= LOOKUP_BITS || field(first, FIRST_ADVANCE) == END_OF_BLOCK) continue;
    code_entry second = table->single[place << bits & (places - 1)];
    if (second == 0 || bits + field(second, FIRST_CODE) > LOOKUP_BITS) continue;
    table->entries[place] = (first & ~((code_entry)255 << ALL_BITS | (code_entry)255 << SECOND_CODE)) |
                            (code_entry)(bits + field(second, FIRST_BITS)) << ALL_BITS |
                            (code_entry)(bits + field(second, FIRST_CODE)) << SECOND_CODE |
                            (code_entry)field(second, FIRST_SIZE) << SECOND_SIZE |
                            (code_entry)(field(second, FIRST_ADVANCE) + 1) << SECOND_ADVANCE;
  }
}

int huffman_table_prepare(huffman_table *table, const JHUFF_TBL *definition, int is_dc) {
  size_t defined = offsetof(JHUFF_TBL, sent_table);
  if (table->is_valid && table->is_dc == is_dc && memcmp(&table->definition, definition, defined) == 0) return 1;
  table->is_valid = 0;
  memset(table->entries, 0, sizeof table->entries);
  int code = 0, symbols = 0;
  for (int bits = 1; bits <= 16; bits++, code <<= 1) {
    int count = definition->bits[bits];
    // A code of nothing but ones is not allowed.
    if (symbols + count > 256 || code + count >= 1 << bits) return 0;
    table->first_symbol[bits] = symbols;
    table->first_code[bits] = code;
    table->end_code[bits] = code + count;
    for (; count > 0; count--, code++, symbols++) {
      if (is_dc && definition->huffval[symbols] > 15) return 0;
      if (bits > LOOKUP_BITS) continue;
      code_entry entry = entry_of(definition->huffval[symbols], bits, is_dc);
      int free_bits = LOOKUP_BITS - bits;
      for (int i = 0; i < 1 << free_bits; i++) table->entries[(code << free_bits) + i] = entry;
    }
  }
  if (!is_dc) {
    memcpy(table->single, table->entries, sizeof table->single);
    pair_entries(table);
  }
  table->definition = *definition;
  table->is_dc = is_dc;
  table->is_valid = 1;
  return 1;
}

static __attribute__((noinline)) code_entry long_entry(const huffman_table *table, uint64_t window) {
  for (int bits = LOOKUP_BITS + 1; bits <= 16; bits++) {
    int32_t code = (int32_t)(window >> (64 - bits));
    if (code < table->first_code[bits] || code >= table->end_code[bits]) continue;
    int symbol = table->first_symbol[bits] + code - table->first_code[bits];
    return entry_of(table->definition.huffval[symbol], bits, table->is_dc);
  }
  return 0;
}

// At least 56 bits, without a branch: bytes that are only partly taken are loaded again.
static inline __attribute__((always_inline)) void refill(bit_reader *reader) {
  uint64_t bytes;
  memcpy(&bytes, reader->next, 8);
  reader->window |= __builtin_bswap64(bytes) >> reader->count;
  reader->next += (63 - reader->count) >> 3;
  reader->count |= 56;
}

static inline __attribute__((always_inline)) code_entry look_up(const huffman_table *table, uint64_t window) {
  code_entry entry = table->entries[window >> (64 - LOOKUP_BITS)];
  return __builtin_expect(entry == 0, 0) ? long_entry(table, window) : entry;
}

static inline __attribute__((always_inline)) void consume(bit_reader *reader, int bits) {
  reader->window <<= bits & 63;
  reader->count -= bits;
}

// The value that begins after `start` bits: where its first bit is 0, it is negative and lacks 2^size - 1. Size 0 is 0.
static inline __attribute__((always_inline)) int value_at(uint64_t window, int start, int size) {
  uint64_t bits = window << (start & 63);
  uint32_t magnitude = (uint32_t)(bits >> 1 >> (63 - size));
  uint32_t negative = (uint32_t)~((int64_t)bits >> 63);
  return (int)(magnitude - (negative & ((1u << size) - 1)));
}

// The first coefficient, as a difference to that of the block before.
static inline __attribute__((always_inline)) int decode_first(bit_reader *reader, block_coding *coding) {
  refill(reader);
  code_entry entry = look_up(coding->dc, reader->window);
  if (entry == 0) return 0;
  coding->prediction += value_at(reader->window, field(entry, FIRST_CODE), field(entry, FIRST_SIZE));
  consume(reader, field(entry, ALL_BITS));
  return coding->prediction >= -LARGEST_COEFFICIENT && coding->prediction <= LARGEST_COEFFICIENT;
}

// One or two of the others: each moves on by its run and itself. Returns where the next one lies. What is beyond the
// block's last coefficient is the next block's.
static inline __attribute__((always_inline)) int decode_next(
    bit_reader *reader, const huffman_table *table, int position, int16_t *block) {
  code_entry entry = look_up(table, reader->window);
  if (__builtin_expect(entry == 0, 0)) return INVALID;
  int first = position + field(entry, FIRST_ADVANCE), second = first + field(entry, SECOND_ADVANCE);
  if (block) {
    // Where there is no second one, it is 0, and the first one overwrites it.
    block[natural_order[second]] =
        (int16_t)value_at(reader->window, field(entry, SECOND_CODE), field(entry, SECOND_SIZE));
    block[natural_order[first]] = (int16_t)value_at(reader->window, field(entry, FIRST_CODE), field(entry, FIRST_SIZE));
  }
  if (__builtin_expect(second < 63, 1)) {
    consume(reader, field(entry, ALL_BITS));
    return second + 1;
  }
  int is_full = first >= 63;
  consume(reader, field(entry, is_full ? FIRST_BITS : ALL_BITS));
  return is_full ? first + 1 : second + 1;
}

// Returns where the block ended: 64, or END_OF_BLOCK and more; 0 when it could not be decoded.
static inline __attribute__((always_inline)) int decode_others(
    bit_reader *reader, const huffman_table *table, int16_t *block) {
  // A refill is enough for two looks, of 16 + 11 bits at most each.
  int position = decode_next(reader, table, 1, block);
  while (position < 64) {
    refill(reader);
    position = decode_next(reader, table, position, block);
    if (position >= 64) break;
    position = decode_next(reader, table, position, block);
  }
  return position == 64 || (position > END_OF_BLOCK && position < INVALID) ? position : 0;
}

int decode_block(bit_reader *shared, block_coding *coding, int16_t block[65]) {
  bit_reader reader = *shared;
  if (!decode_first(&reader, coding)) return 0;
  block[0] = (int16_t)coding->prediction;
  int end = decode_others(&reader, coding->ac, block);
  *shared = reader;
  return end > END_OF_BLOCK ? end - END_OF_BLOCK - 1 : end;
}

int skip_block(bit_reader *shared, block_coding *coding) {
  bit_reader reader = *shared;
  int is_right = decode_first(&reader, coding) && decode_others(&reader, coding->ac, NULL) != 0;
  *shared = reader;
  return is_right;
}
