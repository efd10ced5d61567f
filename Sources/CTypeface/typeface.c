#include "CTypeface.h"

#include <stdio.h>
#include <stdlib.h>

#include <ft2build.h>
#include FT_FREETYPE_H

struct ctypeface {
  FT_Library library;
  FT_Face face;
};

// FreeType counts in 64ths of a pixel.
static int whole_pixels(FT_Pos length) { return (int)((length + 63) >> 6); }

static int refuse(FT_Error code, char *error) {
  // FreeType has texts, but is mostly built without them.
  if (code == FT_Err_Cannot_Open_Resource) {
    snprintf(error, CTYPEFACE_ERROR_SIZE, "it cannot be opened");
  } else if (code == FT_Err_Unknown_File_Format) {
    snprintf(error, CTYPEFACE_ERROR_SIZE, "it is something else");
  } else {
    snprintf(error, CTYPEFACE_ERROR_SIZE, "FreeType gives up with error 0x%02x", code);
  }
  return 1;
}

int ctypeface_open(
    const char *path, int size_pixels, ctypeface **face, ctypeface_lines *lines, char error[CTYPEFACE_ERROR_SIZE]) {
  *face = NULL;
  ctypeface *opened = calloc(1, sizeof *opened);
  if (!opened) {
    snprintf(error, CTYPEFACE_ERROR_SIZE, "no memory");
    return 1;
  }
  FT_Error code = FT_Init_FreeType(&opened->library);
  if (!code) code = FT_New_Face(opened->library, path, 0, &opened->face);
  if (!code) code = FT_Set_Pixel_Sizes(opened->face, 0, (FT_UInt)size_pixels);
  if (code) {
    ctypeface_close(opened);
    return refuse(code, error);
  }
  lines->ascent = whole_pixels(opened->face->size->metrics.ascender);
  lines->descent = whole_pixels(-opened->face->size->metrics.descender);
  *face = opened;
  return 0;
}

void ctypeface_close(ctypeface *face) {
  if (!face) return;
  if (face->face) FT_Done_Face(face->face);
  if (face->library) FT_Done_FreeType(face->library);
  free(face);
}

int ctypeface_draw(
    ctypeface *face, uint32_t code_point, ctypeface_letter *letter, char error[CTYPEFACE_ERROR_SIZE]) {
  FT_Error code = FT_Load_Char(face->face, code_point, FT_LOAD_RENDER);
  if (code) return refuse(code, error);
  const FT_GlyphSlot slot = face->face->glyph;
  if (slot->bitmap.width > 0 && slot->bitmap.pixel_mode != FT_PIXEL_MODE_GRAY) {
    snprintf(error, CTYPEFACE_ERROR_SIZE, "a font without outlines");
    return 1;
  }
  *letter = (ctypeface_letter){
      .coverage = slot->bitmap.buffer,
      .bytes_per_row = slot->bitmap.pitch,
      .width = (int)slot->bitmap.width,
      .height = (int)slot->bitmap.rows,
      .left = slot->bitmap_left,
      .top = slot->bitmap_top,
      .advance = whole_pixels(slot->advance.x),
  };
  return 0;
}
