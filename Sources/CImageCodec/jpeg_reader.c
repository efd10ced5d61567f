#include "jpeg_reader.h"

#include "exif.h"

#include <stdlib.h>
#include <string.h>

#include <jerror.h>

#if JPEG_LIB_VERSION >= 70
#define DCT_SIZE(component_or_codec, name) ((component_or_codec)->name##_h_scaled_size)
#else
#define DCT_SIZE(component_or_codec, name) ((component_or_codec)->name##_scaled_size)
#endif

enum { ROWS_PER_CALL = 16 };

// Adobe's convention stores inks inverted, so that a stored 255 is no ink; what is left of the light after black is
// reduced by each ink's share of it.
static void cmyk_to_rgb(const uint8_t *cmyk, uint8_t *rgb, size_t width) {
  for (size_t x = 0; x < width; x++, cmyk += 4, rgb += 3) {
    int light = cmyk[3];
    for (int channel = 0; channel < 3; channel++) {
      int product = light * (255 - cmyk[channel]) + 128;
      rgb[channel] = (uint8_t)(light - (((product >> 8) + product) >> 8));
    }
  }
}

// libjpeg keeps the tables of a file for abbreviated files that may follow. To us every file stands alone, so what a
// file brings is allocated with the image and goes with it.
static void *allocate_with_image(j_common_ptr codec, int pool, size_t size) {
  (void)pool;
  return ((jpeg_reader *)codec)->allocate_small(codec, JPOOL_IMAGE, size);
}

static void forget_image(jpeg_reader *reader) {
  j_decompress_ptr codec = &reader->codec;
  jpeg_abort_decompress(codec);
  memset(codec->quant_tbl_ptrs, 0, sizeof codec->quant_tbl_ptrs);
  memset(codec->dc_huff_tbl_ptrs, 0, sizeof codec->dc_huff_tbl_ptrs);
  memset(codec->ac_huff_tbl_ptrs, 0, sizeof codec->ac_huff_tbl_ptrs);
  reader->has_header = 0;
}

static void limit_scans(j_common_ptr common) {
  j_decompress_ptr codec = (j_decompress_ptr)common;
  jpeg_failure *failure = (jpeg_failure *)codec->err;
  unsigned long long scans = (unsigned long long)codec->input_scan_number;
  unsigned long long pixels = (unsigned long long)codec->image_width * codec->image_height;
  if (scans > CIMAGECODEC_MAXIMUM_SCANS || scans * pixels > CIMAGECODEC_MAXIMUM_SCANNED_PIXELS) {
    unsigned long long most = CIMAGECODEC_MAXIMUM_SCANNED_PIXELS / pixels;
    if (most > CIMAGECODEC_MAXIMUM_SCANS) most = CIMAGECODEC_MAXIMUM_SCANS;
    snprintf(
        failure->text, CIMAGECODEC_ERROR_SIZE, "has more than %llu scans of %u x %u pixels", most, codec->image_width,
        codec->image_height);
    longjmp(failure->start, 1);
  }
}

// Reads APP1 where it lies: libjpeg would copy it, and most images have none or one that is not wanted.
static boolean read_app1(j_decompress_ptr codec) {
  static const uint8_t signature[6] = "Exif\0";
  jpeg_reader *reader = (jpeg_reader *)codec;
  struct jpeg_source_mgr *source = codec->src;
  size_t left = source->bytes_in_buffer;
  size_t length = left < 2 ? 2 : (size_t)source->next_input_byte[0] << 8 | source->next_input_byte[1];
  if (length < 2) ERREXIT(codec, JERR_BAD_LENGTH);
  if (length > left) {
    // Beyond the end; asking for more is how the source is told, and it does not return.
    source->bytes_in_buffer = 0;
    source->fill_input_buffer(codec);
    return FALSE;
  }
  const uint8_t *data = source->next_input_byte + 2;
  if (!reader->has_exif && length >= 2 + sizeof signature && memcmp(data, signature, sizeof signature) == 0) {
    reader->has_exif = 1;
    reader->orientation = exif_orientation(data + sizeof signature, length - 2 - sizeof signature);
  }
  source->next_input_byte += length;
  source->bytes_in_buffer -= length;
  return TRUE;
}

static void create(jpeg_reader *reader) {
  j_decompress_ptr codec = &reader->codec;
  reader->is_created = 1;
  jpeg_create_decompress(codec);
  jpeg_mem_src(codec, (const uint8_t *)"", 1);  // allocates the source, which is to last
  jpeg_set_marker_processor(codec, JPEG_APP0 + 1, read_app1);
  reader->progress.progress_monitor = limit_scans;
  codec->progress = &reader->progress;
  reader->allocate_small = codec->mem->alloc_small;
  codec->mem->alloc_small = allocate_with_image;
}

// Files are cut off more often than they are damaged in any other way. Where decoding stops at the lower end of a region,
// it would depend on the region whether that shows; so the end is looked for first. Only markers are found: in a scan a
// 0xFF is followed by 0 or a restart. Cameras append things of their own behind the end.
static void check_end(jpeg_reader *reader) {
  const struct jpeg_source_mgr *source = reader->codec.src;
  const uint8_t *place = source->next_input_byte, *last = place + source->bytes_in_buffer - 1;
  if (source->bytes_in_buffer >= 2 && last[-1] == 0xFF && last[0] == JPEG_EOI) return;
  for (; place < last && (place = memchr(place, 0xFF, (size_t)(last - place))); place++) {
    if (place[1] == JPEG_EOI) return;
  }
  WARNMS(&reader->codec, JWRN_JPEG_EOF);  // does not return
}

static void read_header(jpeg_reader *reader, const uint8_t *bytes, size_t byte_count) {
  j_decompress_ptr codec = &reader->codec;
  if (reader->is_created) forget_image(reader); else create(reader);
  reader->orientation = 1;
  reader->has_exif = 0;
  jpeg_mem_src(codec, bytes, (unsigned long)byte_count);
  jpeg_read_header(codec, TRUE);
  size_t width = codec->image_width, height = codec->image_height;
  if ((unsigned long long)width * height > CIMAGECODEC_MAXIMUM_PIXELS) {
    snprintf(
        reader->failure.text, CIMAGECODEC_ERROR_SIZE, "declares %zu x %zu pixels, more than 100 megapixels", width,
        height);
    longjmp(reader->failure.start, 1);
  }
  check_end(reader);
  reader->has_header = 1;
}

// After a failure libjpeg's state is whatever it was; a new one costs nothing beside a broken image.
int jpeg_reader_begin(jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, char *error) {
  reader->failure.text = error;
  if (!reader->is_created) reader->codec.err = jpeg_failure_prepare(&reader->failure);
  if (setjmp(reader->failure.start)) {
    jpeg_reader_destroy(reader);
    return 1;
  }
  read_header(reader, bytes, byte_count);
  return 0;
}

// Whether libjpeg will smooth blocks of a progressive image whose scans left coefficients inexact. It does that from
// neighboring blocks, which are not there when columns are cropped.
static int may_smooth_blocks(j_decompress_ptr codec) {
  if (!codec->progressive_mode || !codec->coef_bits) return 0;
  for (int component = 0; component < codec->num_components; component++) {
    for (int coefficient = 0; coefficient < DCTSIZE2; coefficient++) {
      if (codec->coef_bits[component][coefficient] != 0) return 1;
    }
  }
  return 0;
}

// Crops columns to whole iMCUs around the wanted ones, or not at all. Fancy upsampling takes one neighbor on each side,
// and at its borders none, so that two pixels at each end of a crop are not those of the whole image.
static void crop_columns(j_decompress_ptr codec, cimagecodec_rectangle *frame) {
  size_t unit = (size_t)DCT_SIZE(codec, min_DCT);
  if (codec->num_components > 1) unit *= (size_t)codec->max_h_samp_factor;
  size_t left = frame->left < 2 ? 0 : (frame->left - 2) / unit * unit;
  size_t right = (frame->left + frame->width + 2 + unit - 1) / unit * unit;
  frame->left = 0;
  frame->width = codec->output_width;
  if (right > codec->output_width) right = codec->output_width;
  if (left == 0 && right == codec->output_width) return;

  for (int i = 0; i < codec->num_components; i++) {
    jpeg_component_info *component = &codec->comp_info[i];
    int size = DCT_SIZE(component, DCT), smallest = DCT_SIZE(codec, min_DCT);
    int is_full_size = component->h_samp_factor * size == codec->max_h_samp_factor * smallest &&
                       component->v_samp_factor * size == codec->max_v_samp_factor * smallest;
    // jpeg_crop_scanline leaves the scale of a component's own transform out of its sums, and upsampling goes another
    // way for components of one or two columns.
    if (!is_full_size && size != smallest) return;
    if (!is_full_size && (right - left) * (size_t)component->h_samp_factor < 3 * (size_t)codec->max_h_samp_factor) return;
  }
  JDIMENSION offset = (JDIMENSION)left, width = (JDIMENSION)(right - left);
  jpeg_crop_scanline(codec, &offset, &width);
  frame->left = offset;
  frame->width = width;
}

static void read_rows(jpeg_reader *reader, cimagecodec_rectangle frame, uint8_t *pixels) {
  j_decompress_ptr codec = &reader->codec;
  size_t end = frame.top + frame.height;
  JSAMPROW rows[ROWS_PER_CALL];
  JSAMPARRAY inks = NULL;
  if (codec->out_color_space == JCS_CMYK) {
    inks = codec->mem->alloc_sarray((j_common_ptr)codec, JPOOL_IMAGE, (JDIMENSION)frame.width * 4, ROWS_PER_CALL);
  }
  while (codec->output_scanline < end) {
    size_t y = codec->output_scanline, count = end - y;
    if (count > ROWS_PER_CALL) count = ROWS_PER_CALL;
    // Rows above the frame, where they could not be skipped, go where its first row will overwrite them.
    for (size_t i = 0; i < count; i++) {
      rows[i] = pixels + (y + i < frame.top ? 0 : y + i - frame.top) * frame.width * 3;
    }
    size_t done = jpeg_read_scanlines(codec, inks ? inks : rows, (JDIMENSION)count);
    if (done == 0) ERREXIT(codec, JERR_CANT_SUSPEND);
    for (size_t i = 0; inks && i < done; i++) cmyk_to_rgb(inks[i], rows[i], frame.width);
  }
}

static void decode(
    jpeg_reader *reader, cimagecodec_rectangle wanted, int scale_denominator, pixel_buffer *buffer,
    cimagecodec_region *decoded) {
  j_decompress_ptr codec = &reader->codec;
  int is_cmyk = codec->jpeg_color_space == JCS_CMYK || codec->jpeg_color_space == JCS_YCCK;
  codec->out_color_space = is_cmyk ? JCS_CMYK : JCS_RGB;
  codec->dct_method = JDCT_ISLOW;
  codec->scale_num = 1;
  codec->scale_denom = (unsigned)scale_denominator;
  jpeg_start_decompress(codec);

  cimagecodec_rectangle frame = wanted;
  int reads_all = may_smooth_blocks(codec);
  if (reads_all) {
    frame.left = 0;
    frame.width = codec->output_width;
  } else {
    crop_columns(codec, &frame);
  }
  uint8_t *pixels = pixel_buffer_reserve(buffer, frame.width * frame.height * 3);
  if (!pixels) {
    snprintf(
        reader->failure.text, CIMAGECODEC_ERROR_SIZE, "no memory for %zu x %zu pixels", frame.width, frame.height);
    longjmp(reader->failure.start, 1);
  }
  if (!reads_all && frame.top > 0) jpeg_skip_scanlines(codec, (JDIMENSION)frame.top);
  read_rows(reader, frame, pixels);
  // Looks for the end of the file, which only matters to those who wanted all of it.
  if (codec->output_scanline == codec->output_height) jpeg_finish_decompress(codec);
  decoded->pixels = pixels;
  decoded->bytes_per_row = frame.width * 3;
  decoded->frame = frame;
}

// Decodes without libjpeg where that gives the same pixels. Returns 0 when it does not, and libjpeg goes on from the
// header.
static int decode_baseline(
    jpeg_reader *reader, cimagecodec_rectangle wanted, int scale_denominator, pixel_buffer *buffer,
    cimagecodec_region *decoded) {
  if (reader->uses_only_libjpeg || scale_denominator != 1 || !baseline_accepts(&reader->codec)) return 0;
  if (!reader->baseline) reader->baseline = baseline_create();
  uint8_t *pixels = pixel_buffer_reserve(buffer, wanted.width * wanted.height * 3 + BASELINE_OVERHANG);
  if (!reader->baseline || !pixels || !baseline_decode(reader->baseline, &reader->codec, wanted, pixels)) return 0;
  decoded->pixels = pixels;
  decoded->bytes_per_row = wanted.width * 3;
  decoded->frame = wanted;
  return 1;
}

int jpeg_reader_decode(
    jpeg_reader *reader, const uint8_t *bytes, size_t byte_count, cimagecodec_rectangle wanted, int scale_denominator,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  reader->failure.text = error;
  if (setjmp(reader->failure.start)) {
    jpeg_reader_destroy(reader);
    return 1;
  }
  if (!reader->has_header) read_header(reader, bytes, byte_count);
  reader->has_header = 0;
  if (!decode_baseline(reader, wanted, scale_denominator, buffer, decoded)) {
    decode(reader, wanted, scale_denominator, buffer, decoded);
  }
  forget_image(reader);
  return 0;
}

void jpeg_reader_destroy(jpeg_reader *reader) {
  if (reader->is_created) jpeg_destroy_decompress(&reader->codec);
  baseline_destroy(reader->baseline);
  reader->baseline = NULL;
  reader->is_created = reader->has_header = 0;
}
