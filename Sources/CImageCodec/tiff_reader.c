// TIFF and BigTIFF, by libtiff: the first page, in strips or tiles, its channels together or apart; gray, RGB, palette,
// CMYK and YCbCr of 1 to 16 bits. Samples of more than 8 bits are scaled to 8 with rounding, as those of PNG are. Alpha is
// dropped without compositing; where colors were multiplied by it, that is undone.
#include "image_format.h"
#include "tiff_levels.h"
#include "tiff_source.h"

#include <pthread.h>
#include <string.h>

#include <tiffio.h>

static struct {
  __typeof__(TIFFClientOpen) *open;
  __typeof__(TIFFClose) *close;
  __typeof__(TIFFGetFieldDefaulted) *get_field;
  __typeof__(TIFFSetField) *set_field;
  __typeof__(TIFFIsTiled) *is_tiled;
  __typeof__(TIFFIsCODECConfigured) *has_codec;
  __typeof__(TIFFLastDirectory) *is_last_page;
  __typeof__(TIFFNumberOfStrips) *strip_count;
  __typeof__(TIFFNumberOfTiles) *tile_count;
  __typeof__(TIFFGetStrileOffset) *block_offset;
  __typeof__(TIFFGetStrileByteCount) *block_bytes;
  __typeof__(TIFFScanlineSize64) *row_size;
  __typeof__(TIFFTileRowSize64) *tile_row_size;
  __typeof__(TIFFReadScanline) *read_row;
  __typeof__(TIFFReadTile) *read_tile;
  __typeof__(TIFFReadRGBAImageOriented) *read_rgba;
  __typeof__(TIFFSetErrorHandler) *set_error_handler;
  __typeof__(TIFFSetWarningHandler) *set_warning_handler;
} tiff;

static const library_function functions[] = {
    {"TIFFClientOpen", &tiff.open},
    {"TIFFClose", &tiff.close},
    {"TIFFGetFieldDefaulted", &tiff.get_field},
    {"TIFFSetField", &tiff.set_field},
    {"TIFFIsTiled", &tiff.is_tiled},
    {"TIFFIsCODECConfigured", &tiff.has_codec},
    {"TIFFLastDirectory", &tiff.is_last_page},
    {"TIFFNumberOfStrips", &tiff.strip_count},
    {"TIFFNumberOfTiles", &tiff.tile_count},
    {"TIFFGetStrileOffset", &tiff.block_offset},
    {"TIFFGetStrileByteCount", &tiff.block_bytes},
    {"TIFFScanlineSize64", &tiff.row_size},
    {"TIFFTileRowSize64", &tiff.tile_row_size},
    {"TIFFReadScanline", &tiff.read_row},
    {"TIFFReadTile", &tiff.read_tile},
    {"TIFFReadRGBAImageOriented", &tiff.read_rgba},
    {"TIFFSetErrorHandler", &tiff.set_error_handler},
    {"TIFFSetWarningHandler", &tiff.set_warning_handler},
};

static optional_library library = {
    TIFFLIB_VERSION >= 20221213 ? "libtiff.so.6" : "libtiff.so.5", functions, sizeof functions / sizeof *functions,
    LIBRARY_UNTRIED};

// What libtiff says last on this thread; it knows only one place for all.
static _Thread_local char last_words[CIMAGECODEC_ERROR_SIZE];

static void keep_words(const char *module, const char *format, va_list arguments) {
  (void)module;
  if (!last_words[0]) vsnprintf(last_words, sizeof last_words, format, arguments);
}

static int refuse_in_its_words(char *error) {
  return refuse(error, "%.200s", last_words[0] ? last_words : "its data are damaged");
}

static void set_handlers(void) {
  tiff.set_warning_handler(NULL);
  tiff.set_error_handler(keep_words);
}

static TIFF *open_file(tiff_source *source) {
  static pthread_once_t once = PTHREAD_ONCE_INIT;
  pthread_once(&once, set_handlers);
  last_words[0] = '\0';
  return tiff.open(
      "image", "r", source, tiff_source_read, tiff_source_write, tiff_source_seek, tiff_source_close, tiff_source_size,
      tiff_source_map, tiff_source_unmap);
}

// Whether the first directory, which often lies behind the pixels, is not all there.
static int lacks_directory(const uint8_t *bytes, size_t byte_count) {
  if (byte_count < 8) return 1;
  int is_big_endian = bytes[0] == 'M', is_big = (is_big_endian ? bytes[3] : bytes[2]) == 43;
  if (is_big && byte_count < 16) return 1;
  uint64_t place = 0, entries = 0;
  size_t place_bytes = is_big ? 8 : 4, count_bytes = is_big ? 8 : 2;
  for (size_t i = 0; i < place_bytes; i++) {
    place = place << 8 | bytes[place_bytes + (is_big_endian ? i : place_bytes - 1 - i)];
  }
  if (place > byte_count - count_bytes) return 1;
  for (size_t i = 0; i < count_bytes; i++) {
    entries = entries << 8 | bytes[place + (is_big_endian ? i : count_bytes - 1 - i)];
  }
  return entries > (byte_count - count_bytes - place) / (is_big ? 20 : 12);
}

static int refuse_file(const uint8_t *bytes, size_t byte_count, char *error) {
  return lacks_directory(bytes, byte_count) ? refuse_cut_off("TIFF", error) : refuse_in_its_words(error);
}

// What of a page decides how it is read.
typedef struct {
  uint32_t width, height;
  uint16_t compression, photometric, planar;
  tiff_samples samples;
  uint16_t *palette[3];
  int is_jpeg_color;  // YCbCr that libtiff's JPEG decoder turns to RGB
  int is_rgba;        // left to libtiff's own conversion
} tiff_page;

static const char *name_of_compression(unsigned compression) {
  switch (compression) {
    case COMPRESSION_OJPEG: return "old-style JPEG";
    case COMPRESSION_LZMA: return "LZMA";
    case COMPRESSION_LERC: return "LERC";
    case COMPRESSION_JP2000: case 33003: case 33005: return "JPEG 2000";
    case 50002: case 52546: return "JPEG XL";
    default: return "another";
  }
}

static int check_compression(unsigned compression, char *error) {
  switch (compression) {
    case COMPRESSION_NONE: case COMPRESSION_CCITTRLE: case COMPRESSION_CCITTFAX3: case COMPRESSION_CCITTFAX4:
    case COMPRESSION_LZW: case COMPRESSION_JPEG: case COMPRESSION_ADOBE_DEFLATE: case COMPRESSION_DEFLATE:
    case COMPRESSION_PACKBITS: case COMPRESSION_ZSTD: case COMPRESSION_WEBP:
      if (tiff.has_codec((uint16_t)compression)) return 0;
      return refuse(error, "this libtiff was built without its compression (%u)", compression);
    default:
      return refuse(
          error, "its compression is %s (%u), which is not read: convert it to LZW or Deflate",
          name_of_compression(compression), compression);
  }
}

static int read_alpha(TIFF *file, tiff_page *page, unsigned colors) {
  uint16_t count = 0, *kinds = NULL;
  if (!tiff.get_field(file, TIFFTAG_EXTRASAMPLES, &count, &kinds) || count == 0) return -1;
  return kinds[0] == EXTRASAMPLE_ASSOCALPHA && page->samples.count > colors ? (int)colors : -1;
}

static int read_kind(TIFF *file, tiff_page *page, char *error) {
  tiff_samples *samples = &page->samples;
  samples->alpha = -1;
  switch (page->photometric) {
    case PHOTOMETRIC_MINISWHITE: samples->kind = TIFF_WHITE_IS_ZERO; samples->colors = 1; break;
    case PHOTOMETRIC_MINISBLACK: samples->kind = TIFF_GRAY; samples->colors = 1; break;
    case PHOTOMETRIC_RGB: samples->kind = TIFF_RGB; samples->colors = 3; break;
    case PHOTOMETRIC_PALETTE: samples->kind = TIFF_PALETTE; samples->colors = 1; break;
    case PHOTOMETRIC_SEPARATED: samples->kind = TIFF_INKS; samples->colors = 4; break;
    case PHOTOMETRIC_YCBCR:
      samples->kind = samples->count == 1 ? TIFF_GRAY : TIFF_RGB;
      samples->colors = samples->count == 1 ? 1 : 3;
      page->is_jpeg_color = samples->count > 1 && page->compression == COMPRESSION_JPEG;
      page->is_rgba = samples->count > 1 && !page->is_jpeg_color;
      break;
    default:
      return refuse(error, "the meaning of its samples (photometric interpretation %u) is not read", page->photometric);
  }
  if (samples->count < samples->colors) return refuse(error, "has %u channels where its kind has more", samples->count);
  if (samples->colors == 1 && samples->count > 2) {
    return refuse(error, "has %u channels that are not colors; expected gray, RGB or CMYK", samples->count);
  }
  if (page->is_rgba) return 0;
  if (page->photometric == PHOTOMETRIC_PALETTE) {
    if (samples->bits > 8 ||
        !tiff.get_field(file, TIFFTAG_COLORMAP, &page->palette[0], &page->palette[1], &page->palette[2])) {
      return refuse(error, "its palette is missing");
    }
  } else {
    samples->alpha = read_alpha(file, page, samples->colors);
  }
  return 0;
}

static int read_page(TIFF *file, tiff_page *page, char *error) {
  *page = (tiff_page){0};
  tiff_samples *samples = &page->samples;
  uint16_t format = SAMPLEFORMAT_UINT;
  if (!tiff.get_field(file, TIFFTAG_IMAGEWIDTH, &page->width) || !tiff.get_field(file, TIFFTAG_IMAGELENGTH, &page->height)) {
    return refuse(error, "it does not say how large it is");
  }
  if (refuse_size(page->width, page->height, error)) return 1;
  if (page->width > CIMAGECODEC_MAXIMUM_SIDE || page->height > CIMAGECODEC_MAXIMUM_SIDE) {
    return refuse(error, "declares %u x %u pixels, more than a million on a side", page->width, page->height);
  }
  if (!tiff.get_field(file, TIFFTAG_PHOTOMETRIC, &page->photometric)) {
    return refuse(error, "it does not say what its samples mean");
  }
  tiff.get_field(file, TIFFTAG_COMPRESSION, &page->compression);
  tiff.get_field(file, TIFFTAG_PLANARCONFIG, &page->planar);
  tiff.get_field(file, TIFFTAG_BITSPERSAMPLE, &samples->bits);
  tiff.get_field(file, TIFFTAG_SAMPLESPERPIXEL, &samples->count);
  tiff.get_field(file, TIFFTAG_SAMPLEFORMAT, &format);
  if (check_compression(page->compression, error)) return 1;
  if (format != SAMPLEFORMAT_UINT && format != SAMPLEFORMAT_VOID) {
    return refuse(
        error, "its samples are %s: convert them to unsigned ones of 8 or 16 bits",
        format == SAMPLEFORMAT_IEEEFP ? "floating-point numbers" : "not plain numbers");
  }
  if (samples->bits < 1 || samples->bits > 16) {
    return refuse(error, "its samples have %u bits: convert them to 8 or 16", samples->bits);
  }
  if ((unsigned long long)page->width * page->height * samples->count > 8 * CIMAGECODEC_MAXIMUM_PIXELS) {
    return refuse(
        error, "declares %u x %u pixels of %u samples, more than 800 million samples", page->width, page->height,
        samples->count);
  }
  return read_kind(file, page, error);
}

// Files are cut off more often than they are damaged in any other way, and parts of an image would not notice.
static int check_blocks(TIFF *file, const tiff_source *source, char *error) {
  uint32_t count = tiff.is_tiled(file) ? tiff.tile_count(file) : tiff.strip_count(file);
  for (uint32_t block = 0; block < count; block++) {
    uint64_t offset = tiff.block_offset(file, block), size = tiff.block_bytes(file, block);
    if (size == 0 || offset > source->count || size > source->count - offset) return refuse_cut_off("TIFF", error);
  }
  return 0;
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *header, char *error) {
  tiff_source source = {bytes, byte_count, 0};
  tiff_page page;
  uint16_t orientation = 1;
  TIFF *file = open_file(&source);
  if (!file) return refuse_file(bytes, byte_count, error);
  int failed = read_page(file, &page, error) || check_blocks(file, &source, error);
  if (!failed) {
    tiff.get_field(file, TIFFTAG_ORIENTATION, &orientation);
    header->width = page.width;
    header->height = page.height;
    header->orientation = orientation >= 1 && orientation <= 8 ? orientation : 1;
    header->is_always_turned = 1;
    header->has_more = !tiff.is_last_page(file);
  }
  tiff.close(file);
  return failed;
}

// Channels that are stored apart, or 1 where they are stored together.
static unsigned planes_of(const tiff_page *page) {
  return page->planar == PLANARCONFIG_SEPARATE ? page->samples.count : 1;
}

static int is_wanted_plane(const tiff_page *page, unsigned plane) {
  return planes_of(page) == 1 || plane < page->samples.colors || (int)plane == page->samples.alpha;
}

// Puts samples of a row, which begins at `left`, where they belong among the levels of the frame.
static void take_row(
    const tiff_page *page, unsigned plane, const uint8_t *row, size_t left, size_t count, cimagecodec_rectangle frame,
    size_t y, uint8_t *levels) {
  size_t first = left > frame.left ? left : frame.left, end = left + count, frame_end = frame.left + frame.width;
  if (end > frame_end) end = frame_end;
  if (first >= end) return;
  size_t kept = tiff_kept_channels(&page->samples);
  uint8_t *place = levels + ((y - frame.top) * frame.width + first - frame.left) * kept;
  if (planes_of(page) == 1 && page->samples.bits == 8 && page->samples.count == kept) {
    memcpy(place, row + (first - left) * kept, (end - first) * kept);
  } else if (planes_of(page) == 1) {
    for (size_t channel = 0; channel < kept; channel++) {
      size_t sample = channel < page->samples.colors ? channel : (size_t)page->samples.alpha;
      tiff_take_levels(&page->samples, row, first - left, end - first, sample, page->samples.count, place + channel);
    }
  } else {
    size_t channel = plane < page->samples.colors ? plane : page->samples.colors;
    tiff_take_levels(&page->samples, row, first - left, end - first, 0, 1, place + channel);
  }
}

static int read_strips(TIFF *file, const tiff_page *page, cimagecodec_rectangle frame, pixel_buffer *scratch, uint8_t *levels) {
  uint32_t rows_per_strip = 0;
  tiff.get_field(file, TIFFTAG_ROWSPERSTRIP, &rows_per_strip);
  uint8_t *row = pixel_buffer_reserve(scratch, (size_t)tiff.row_size(file));
  if (!row || rows_per_strip == 0) return 0;
  for (unsigned plane = 0; plane < planes_of(page); plane++) {
    if (!is_wanted_plane(page, plane)) continue;
    // Rows of a compressed strip follow one another.
    for (size_t y = frame.top / rows_per_strip * rows_per_strip; y < frame.top + frame.height; y++) {
      if (tiff.read_row(file, row, (uint32_t)y, (uint16_t)plane) != 1) return 0;
      if (y >= frame.top) take_row(page, plane, row, 0, page->width, frame, y, levels);
    }
  }
  return 1;
}

static int read_tiles(TIFF *file, const tiff_page *page, cimagecodec_rectangle frame, pixel_buffer *scratch, uint8_t *levels) {
  uint32_t width = 0, height = 0;
  tiff.get_field(file, TIFFTAG_TILEWIDTH, &width);
  tiff.get_field(file, TIFFTAG_TILELENGTH, &height);
  uint64_t row_bytes = tiff.tile_row_size(file);
  if (width == 0 || height == 0 || row_bytes == 0 || row_bytes > 8 * CIMAGECODEC_MAXIMUM_PIXELS / height) return 0;
  uint8_t *tile = pixel_buffer_reserve(scratch, (size_t)row_bytes * height);
  if (!tile) return 0;
  size_t right = frame.left + frame.width, bottom = frame.top + frame.height;
  for (unsigned plane = 0; plane < planes_of(page); plane++) {
    if (!is_wanted_plane(page, plane)) continue;
    for (size_t top = frame.top / height * height; top < bottom; top += height) {
      for (size_t left = frame.left / width * width; left < right; left += width) {
        if (tiff.read_tile(file, tile, (uint32_t)left, (uint32_t)top, 0, (uint16_t)plane) < 0) return 0;
        for (size_t y = top > frame.top ? top : frame.top; y < top + height && y < bottom; y++) {
          take_row(page, plane, tile + (y - top) * row_bytes, left, width, frame, y, levels);
        }
      }
    }
  }
  return 1;
}

// YCbCr that is no JPEG is rare; libtiff converts all of it.
static int read_rgba(TIFF *file, const tiff_page *page, cimagecodec_rectangle frame, pixel_buffer *scratch, uint8_t *pixels) {
  size_t width = page->width;
  uint32_t *whole = (uint32_t *)pixel_buffer_reserve(scratch, width * page->height * 4);
  if (!whole) return 0;
  tiff.set_field(file, TIFFTAG_ORIENTATION, ORIENTATION_TOPLEFT);
  if (!tiff.read_rgba(file, page->width, page->height, whole, ORIENTATION_TOPLEFT, 1)) return 0;
  for (size_t y = frame.top; y < frame.top + frame.height; y++) {
    const uint32_t *pixel = whole + y * width + frame.left;
    for (size_t x = 0; x < frame.width; x++, pixels += 3) {
      pixels[0] = (uint8_t)TIFFGetR(pixel[x]);
      pixels[1] = (uint8_t)TIFFGetG(pixel[x]);
      pixels[2] = (uint8_t)TIFFGetB(pixel[x]);
    }
  }
  return 1;
}

static int read_pixels(
    TIFF *file, const tiff_page *page, cimagecodec_rectangle frame, pixel_buffer *scratch, uint8_t *pixels) {
  if (page->is_rgba) return read_rgba(file, page, frame, scratch, pixels);
  if (page->is_jpeg_color) tiff.set_field(file, TIFFTAG_JPEGCOLORMODE, JPEGCOLORMODE_RGB);
  size_t kept = tiff_kept_channels(&page->samples);
  pixel_buffer separate = {0};
  uint8_t *levels = kept == 3 ? pixels : pixel_buffer_reserve(&separate, frame.width * frame.height * kept);
  int is_read = levels && (tiff.is_tiled(file) ? read_tiles(file, page, frame, scratch, levels)
                                               : read_strips(file, page, frame, scratch, levels));
  if (is_read && kept != 3) {
    uint8_t palette[256 * 3];
    fill_gray_palette(palette);
    if (page->samples.kind == TIFF_PALETTE) {
      tiff_read_palette((const uint16_t *const *)page->palette, page->samples.bits, palette);
    }
    tiff_levels_to_rgb(&page->samples, levels, frame.width * frame.height, palette, pixels);
  }
  pixel_buffer_free(&separate);
  return is_read;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  (void)header;
  tiff_source source = {bytes, byte_count, 0};
  tiff_page page;
  uint8_t *pixels = reserve_frame(wanted, buffer, decoded, error);
  if (!pixels) return 1;
  TIFF *file = open_file(&source);
  if (!file) return refuse_file(bytes, byte_count, error);
  pixel_buffer scratch = {0};
  int failed = read_page(file, &page, error);
  if (!failed && !read_pixels(file, &page, wanted, &scratch, pixels)) failed = refuse_in_its_words(error);
  pixel_buffer_free(&scratch);
  tiff.close(file);
  return failed;
}

const image_format tiff_format = {&library, "libtiff6", begin, decode};
