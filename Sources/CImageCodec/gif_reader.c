// GIF: the first image of a file, its data unpacked by giflib. Where it leaves some of the screen free, that has the color
// which the file calls transparent, or else the first of the palette, as Pillow has it.
#include "image_format.h"

#include <string.h>

#include <gif_lib.h>

static struct {
  __typeof__(DGifOpen) *open;
  __typeof__(DGifGetRecordType) *get_record_type;
  __typeof__(DGifGetImageDesc) *get_image;
  __typeof__(DGifGetLine) *get_line;
  __typeof__(DGifGetExtension) *get_extension;
  __typeof__(DGifGetExtensionNext) *get_extension_next;
  __typeof__(DGifCloseFile) *close;
} gif;

static const library_function functions[] = {
    {"DGifOpen", &gif.open},
    {"DGifGetRecordType", &gif.get_record_type},
    {"DGifGetImageDesc", &gif.get_image},
    {"DGifGetLine", &gif.get_line},
    {"DGifGetExtension", &gif.get_extension},
    {"DGifGetExtensionNext", &gif.get_extension_next},
    {"DGifCloseFile", &gif.close},
};

static optional_library library = {"libgif.so.7", functions, sizeof functions / sizeof *functions, LIBRARY_UNTRIED};

// The blocks of a file as far as the first image, which must be whole.
typedef struct {
  size_t width, height;  // of the screen, or of what the first image reaches
  cimagecodec_rectangle image;
  int transparent;  // index, or -1
  int has_more;
} gif_contents;

// A chain of blocks of up to 255 bytes, each behind its length, up to one of none. Returns the place behind it, or 0 where
// the file ends before.
static size_t skip_blocks(const uint8_t *bytes, size_t byte_count, size_t position) {
  while (position < byte_count) {
    size_t length = bytes[position];
    position += 1 + length;
    if (length == 0) return position;
  }
  return 0;
}

static size_t palette_bytes(unsigned flags) { return flags & 0x80 ? (size_t)3 << ((flags & 7) + 1) : 0; }

static int read_blocks(const uint8_t *bytes, size_t byte_count, gif_contents *contents, char *error) {
  *contents = (gif_contents){.transparent = -1};
  if (byte_count < 13) return refuse_cut_off("GIF", error);
  contents->width = little16(bytes + 6);
  contents->height = little16(bytes + 8);
  int has_image = 0;
  size_t position = 13 + palette_bytes(bytes[10]);
  while (position < byte_count && bytes[position] != 0x3B) {
    const uint8_t *block = bytes + position;
    size_t rest = byte_count - position;
    if (block[0] == 0x21 && rest >= 2) {
      if (!has_image && block[1] == 0xF9 && rest >= 8 && block[2] == 4 && block[3] & 1) contents->transparent = block[6];
      position = skip_blocks(bytes, byte_count, position + 2);
    } else if (block[0] == 0x2C && rest >= 10 && !has_image) {
      has_image = 1;
      contents->image = (cimagecodec_rectangle){
          little16(block + 1), little16(block + 3), little16(block + 5), little16(block + 7)};
      position = skip_blocks(bytes, byte_count, position + 11 + palette_bytes(block[9]));
      if (position == 0) return refuse_cut_off("GIF", error);
    } else if (has_image) {
      // Of all that follows it matters only whether it is another image.
      contents->has_more = block[0] == 0x2C;
      break;
    } else {
      return rest < 10 ? refuse_cut_off("GIF", error) : refuse(error, "a block that is neither image nor extension");
    }
    if (position == 0) break;
  }
  if (!has_image) return refuse_cut_off("GIF", error);
  if (contents->image.width == 0 || contents->image.height == 0) return refuse(error, "its first image has no pixels");
  size_t right = contents->image.left + contents->image.width, bottom = contents->image.top + contents->image.height;
  if (right > contents->width) contents->width = right;
  if (bottom > contents->height) contents->height = bottom;
  return 0;
}

static int begin(const uint8_t *bytes, size_t byte_count, image_header *header, char *error) {
  gif_contents contents;
  if (read_blocks(bytes, byte_count, &contents, error)) return 1;
  header->width = contents.width;
  header->height = contents.height;
  header->has_more = contents.has_more;
  return refuse_size(header->width, header->height, error);
}

typedef struct {
  const uint8_t *bytes;
  size_t remaining;
} gif_source;

static int read_bytes(GifFileType *file, GifByteType *destination, int count) {
  gif_source *source = file->UserData;
  size_t taken = (size_t)count < source->remaining ? (size_t)count : source->remaining;
  memcpy(destination, source->bytes, taken);
  source->bytes += taken;
  source->remaining -= taken;
  return (int)taken;
}

// Goes to the data of the first image.
static int find_image(GifFileType *file) {
  for (;;) {
    GifRecordType type;
    if (gif.get_record_type(file, &type) == GIF_ERROR) return 0;
    if (type == IMAGE_DESC_RECORD_TYPE) return gif.get_image(file) != GIF_ERROR;
    if (type != EXTENSION_RECORD_TYPE) return 0;
    int code;
    GifByteType *data;
    if (gif.get_extension(file, &code, &data) == GIF_ERROR) return 0;
    while (data) {
      if (gif.get_extension_next(file, &data) == GIF_ERROR) return 0;
    }
  }
}

static void read_palette(const GifFileType *file, uint8_t palette[256 * 3]) {
  const ColorMapObject *map = file->Image.ColorMap ? file->Image.ColorMap : file->SColorMap;
  fill_gray_palette(palette);
  for (int i = 0; map && i < map->ColorCount && i < 256; i++) {
    palette[3 * i] = map->Colors[i].Red;
    palette[3 * i + 1] = map->Colors[i].Green;
    palette[3 * i + 2] = map->Colors[i].Blue;
  }
}

// Writes the colors of a row of the image, of which `indices` are all, where it is wanted.
static void write_row(
    const uint8_t *indices, const gif_contents *contents, size_t y, const uint8_t *palette, const cimagecodec_region *region,
    uint8_t *pixels) {
  cimagecodec_rectangle image = contents->image, frame = region->frame;
  size_t row = image.top + y;
  if (row < frame.top || row >= frame.top + frame.height) return;
  size_t first = image.left > frame.left ? image.left : frame.left;
  size_t end = image.left + image.width, frame_end = frame.left + frame.width;
  if (end > frame_end) end = frame_end;
  uint8_t *place = pixels + (row - frame.top) * region->bytes_per_row + (first - frame.left) * 3;
  for (size_t x = first; x < end; x++, place += 3) memcpy(place, palette + 3 * indices[x - image.left], 3);
}

static int read_image(
    GifFileType *file, const gif_contents *contents, const cimagecodec_region *region, uint8_t *pixels) {
  // Four for interlaced images, the last for others.
  static const struct { size_t first, step; } passes[] = {{0, 8}, {4, 8}, {2, 4}, {1, 2}, {0, 1}};
  if (!find_image(file) || (size_t)file->Image.Width != contents->image.width ||
      (size_t)file->Image.Height != contents->image.height) {
    return 0;
  }
  uint8_t palette[256 * 3], row[65536];
  read_palette(file, palette);
  int background = contents->transparent < 0 ? 0 : contents->transparent;
  for (size_t i = 0; i < region->frame.width * region->frame.height; i++) {
    memcpy(pixels + 3 * i, palette + 3 * background, 3);
  }
  int first = file->Image.Interlace ? 0 : 4, end = file->Image.Interlace ? 4 : 5;
  for (int pass = first; pass < end; pass++) {
    for (size_t y = passes[pass].first; y < contents->image.height; y += passes[pass].step) {
      if (gif.get_line(file, row, (int)contents->image.width) == GIF_ERROR) return 0;
      write_row(row, contents, y, palette, region, pixels);
    }
  }
  return 1;
}

static int decode(
    const uint8_t *bytes, size_t byte_count, const image_header *header, cimagecodec_rectangle wanted,
    pixel_buffer *buffer, cimagecodec_region *decoded, char *error) {
  (void)header;
  gif_contents contents;
  gif_source source = {bytes, byte_count};
  if (read_blocks(bytes, byte_count, &contents, error)) return 1;
  uint8_t *pixels = reserve_frame(wanted, buffer, decoded, error);
  if (!pixels) return 1;
  int code = 0;
  GifFileType *file = gif.open(&source, read_bytes, &code);
  if (!file) return refuse(error, "its header is damaged, or no memory to decode");
  int is_read = read_image(file, &contents, decoded, pixels);
  gif.close(file, &code);
  return is_read ? 0 : refuse(error, "its data are damaged");
}

const image_format gif_format = {&library, "libgif7", begin, decode};
