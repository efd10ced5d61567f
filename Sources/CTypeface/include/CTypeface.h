// Letters as pixels, by FreeType. Every function that can fail returns 0, or another value after writing one line of text
// to `error`.
#ifndef CTYPEFACE_H
#define CTYPEFACE_H

#include <stddef.h>
#include <stdint.h>

enum { CTYPEFACE_ERROR_SIZE = 256 };

// A font at one size. One thread at a time.
typedef struct ctypeface ctypeface;

typedef struct {
  int ascent, descent;  // pixels above and below the baseline
} ctypeface_lines;

int ctypeface_open(
    const char *path, int size_pixels, ctypeface **face, ctypeface_lines *lines, char error[CTYPEFACE_ERROR_SIZE]);

// NULL is allowed.
void ctypeface_close(ctypeface *face);

typedef struct {
  const uint8_t *coverage;  // 0...255, row by row from the top; the typeface's own, until its next letter
  ptrdiff_t bytes_per_row;
  int width, height;
  int left, top;  // of the first pixel: right of where the letter begins, and above the baseline
  int advance;    // to where the next letter begins
} ctypeface_letter;

// The letter of a Unicode code point; one that the font lacks is drawn as it draws such.
int ctypeface_draw(
    ctypeface *face, uint32_t code_point, ctypeface_letter *letter, char error[CTYPEFACE_ERROR_SIZE]);

#endif
