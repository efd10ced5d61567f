"""Writes formats.safetensors: images that are neither JPEG nor PNG, with the RGB pixels that they decode to.

    python Tests/ImagesTests/Fixtures/formats.py

numpy 2, Pillow 13 (libwebp 1.6, libavif 1.4), tifffile 2026.3.3 with imagecodecs 2026.3.6 (kinds of TIFF that Pillow does
not write), pillow-heif 1.8.1 (libheif 1.23), safetensors. Seed 0. Tensor pairs `<case>.bytes` uint8 [count] and
`<case>.pixels` uint8 [height, width, 3]; `<case>.upright` where EXIF data say how the image lies. Pixels are Pillow's
unless a case says why not.
"""

import io
import pathlib
import struct

import numpy
import pillow_heif
import tifffile
from PIL import Image, ImageOps
from safetensors.numpy import save_file

generator = numpy.random.default_rng(0)
tensors = {}


def photograph(height, width):
    """Smooth color with edges and noise."""
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    image = numpy.stack([128 + 100 * numpy.sin(x / 7 + c) * numpy.cos(y / (5 + c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return (image + generator.normal(0, 6, image.shape)).clip(0, 255).astype(numpy.uint8)


def opened(encoded):
    return Image.open(io.BytesIO(encoded))


def add(name, encoded, pixels=None, upright=False):
    tensors[name + ".bytes"] = numpy.frombuffer(encoded, numpy.uint8).copy()
    if pixels is None:
        pixels = numpy.asarray(opened(encoded).convert("RGB"))
    if pixels.ndim == 2:
        pixels = numpy.repeat(pixels[..., None], 3, -1)
    tensors[name + ".pixels"] = numpy.ascontiguousarray(pixels, dtype=numpy.uint8)
    if upright:
        tensors[name + ".upright"] = numpy.ascontiguousarray(ImageOps.exif_transpose(opened(encoded)).convert("RGB"))


def encode(image, **options):
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


array = photograph(13, 17)
small = Image.fromarray(array)
color = Image.fromarray(photograph(21, 27))
alpha = generator.integers(0, 256, (13, 17, 1), numpy.uint8)
translucent = Image.fromarray(numpy.concatenate([array, alpha], -1))


def lying(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif


# WebP

add("webp_lossy", encode(color, format="WEBP", quality=80))
add("webp_lossy_low_quality", encode(color, format="WEBP", quality=5))
add("webp_lossy_alpha", encode(translucent, format="WEBP", quality=80))
add("webp_lossless", encode(small, format="WEBP", lossless=True))
add("webp_lossless_alpha", encode(translucent, format="WEBP", lossless=True, exact=True))
add("webp_lossless_palette", encode(small.quantize(7).convert("RGB"), format="WEBP", lossless=True))
add("webp_one_pixel", encode(small.crop((3, 3, 4, 4)), format="WEBP", quality=80))
add("webp_photograph", encode(Image.fromarray(photograph(61, 83)), format="WEBP", quality=60))
for orientation in (3, 6):
    add(f"webp_lies_{orientation}", encode(small, format="WEBP", quality=80, exif=lying(orientation)), upright=True)
frames = [Image.fromarray(photograph(13, 17)) for _ in range(3)]
animated = encode(small, format="WEBP", save_all=True, append_images=frames, duration=50, quality=80)
add("webp_animated", animated)


def chunk(name, data):
    return name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2)


def riff(*chunks):
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def three_bytes(number):
    return struct.pack("<I", number)[:3]


still = encode(small, format="WEBP", quality=80)[12:]
canvas = chunk(b"VP8X", b"\x02\0\0\0" + three_bytes(28) + three_bytes(20)) + chunk(b"ANIM", bytes(6))
frame = three_bytes(3) + three_bytes(2) + three_bytes(16) + three_bytes(12) + three_bytes(40) + b"\0"
add("webp_small_first_frame", riff(canvas, chunk(b"ANMF", frame + still)))

# GIF

palette = small.quantize(31)
add("gif_palette", encode(palette, format="GIF"))
add("gif_gray", encode(small.convert("L"), format="GIF"))
add("gif_bilevel", encode(small.convert("1"), format="GIF"))
add("gif_interlaced", encode(palette, format="GIF", interlace=1))
add("gif_not_interlaced", encode(palette, format="GIF", interlace=0))
add("gif_transparent", encode(palette, format="GIF", transparency=3))
add("gif_animated", encode(palette, format="GIF", save_all=True, append_images=[f.quantize(20) for f in frames], duration=50))


def with_larger_screen(encoded):
    """The same image at column 5 and row 4 of a screen of 29 x 23 pixels."""
    moved = bytearray(encoded)
    moved[6:10] = struct.pack("<HH", 29, 23)
    place = moved.index(struct.pack("<BHHHH", 0x2C, 0, 0, 17, 13))
    moved[place + 1 : place + 5] = struct.pack("<HH", 5, 4)
    return bytes(moved)


add("gif_small_image", with_larger_screen(encode(palette, format="GIF", interlace=0)))
add("gif_small_interlaced_image", with_larger_screen(encode(palette, format="GIF", interlace=1)))
add("gif_small_transparent_image", with_larger_screen(encode(palette, format="GIF", transparency=3)))

# BMP

add("bmp_24", encode(small, format="BMP"))
add("bmp_8_palette", encode(palette, format="BMP"))
add("bmp_8_gray", encode(small.convert("L"), format="BMP"))
add("bmp_1", encode(small.convert("1"), format="BMP"))
# Pillow takes the fourth byte of 32 bits for nothing, or, with masks, for alpha; both are left out.
add("bmp_32", encode(translucent, format="BMP"), pixels=array)


def bmp(bits, compression, data, size, colors=b"", masks=(), header_size=40):
    width, height = size
    if header_size == 12:
        header = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        header = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, compression, len(data), 0, 0, len(colors) // 4, 0)
    header += b"".join(struct.pack("<I", mask) for mask in masks) + colors
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(data), 0, 0, 14 + len(header)) + header + data


def rows(samples, top_down=False):
    """Rows of bytes, from the lowest to the highest, filled up to four bytes."""
    packed = [bytes(row) + bytes(-len(row) % 4) for row in samples]
    return b"".join(packed if top_down else packed[::-1])


quads = b"".join(bytes(color) + b"\0" for color in generator.integers(0, 256, (16, 3), numpy.uint8))
indices = generator.integers(0, 16, (13, 17), numpy.uint8)
nibbles = numpy.pad(indices, ((0, 0), (0, 1)))
nibbles = nibbles[:, ::2] << 4 | nibbles[:, 1::2]
add("bmp_4", bmp(4, 0, rows(nibbles), (17, 13), quads))
add("bmp_4_top_down", bmp(4, 0, rows(nibbles, True), (17, -13), quads))
add("bmp_8_core_header", bmp(8, 0, rows(indices), (17, 13), quads[:48] + bytes(768 - 48), header_size=12))
words = generator.integers(0, 65536, (13, 17)).astype("<u2")
add("bmp_16", bmp(16, 0, rows([row.tobytes() for row in words]), (17, 13)))
add("bmp_16_masks", bmp(16, 3, rows([row.tobytes() for row in words]), (17, 13), masks=(0xF800, 0x7E0, 0x1F)))
words = generator.integers(0, 2**32, (13, 17)).astype("<u4")
add("bmp_32_masks", bmp(32, 3, rows([row.tobytes() for row in words]), (17, 13), masks=(0xFF000000, 0xFF0000, 0xFF00)))
runs = b"".join(b"\x05\x07\x00\x05\x01\x02\x03\x04\x0f\x00\x07\x03" + b"\0\0" for _ in range(12)) + b"\x11\x09\0\1"
add("bmp_rle8", bmp(8, 1, runs, (17, 13), quads))
runs = b"".join(b"\x05\x47\x00\x05\x12\x34\x50\x00\x07\x3e" + b"\0\0" for _ in range(13)) + b"\0\1"
add("bmp_rle4", bmp(4, 2, runs, (17, 13), quads))
# What is jumped over, and what follows an early end, has index 0; of the latter Pillow makes an error.
jumping = b"\x04\x03\0\2\x05\1\x03\x02\0\0" + b"\x02\x05\0\1"
expected = numpy.zeros((13, 17), int)
expected[12, :4] = 3
expected[11, 9:12] = 2
expected[10, :2] = 5
add("bmp_rle8_jumping", bmp(8, 1, jumping, (17, 13), quads),
    pixels=numpy.frombuffer(quads, numpy.uint8).reshape(16, 4)[:, 2::-1][expected])

# TIFF

add("tiff_rgb", encode(small, format="TIFF"))
add("tiff_gray", encode(small.convert("L"), format="TIFF"))
add("tiff_bilevel", encode(small.convert("1"), format="TIFF"))
add("tiff_bilevel_group4", encode(small.convert("1"), format="TIFF", compression="group4"))
add("tiff_bilevel_group3", encode(small.convert("1"), format="TIFF", compression="group3"))
add("tiff_palette", encode(palette, format="TIFF"))
add("tiff_rgba", encode(translucent, format="TIFF"))
add("tiff_gray_alpha", encode(translucent.convert("LA"), format="TIFF"))
inks = Image.fromarray(generator.integers(0, 256, (13, 17, 4), numpy.uint8), "CMYK")
add("tiff_cmyk", encode(inks, format="TIFF"))
add("tiff_cmyk_lzw", encode(inks, format="TIFF", compression="tiff_lzw"))
for compression in ("tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "packbits", "zstd"):
    add("tiff_rgb_" + compression.removeprefix("tiff_"), encode(small, format="TIFF", compression=compression))
add("tiff_jpeg", encode(color, format="TIFF", compression="jpeg", quality=85))
add("tiff_jpeg_gray", encode(color.convert("L"), format="TIFF", compression="jpeg", quality=85))
for orientation in range(2, 9):
    # Pillow turns every TIFF.
    add(f"tiff_lies_{orientation}", encode(small, format="TIFF", tiffinfo={274: orientation}), upright=True)
add("tiff_pages", encode(small, format="TIFF", save_all=True, append_images=frames))


def tifffile_bytes(image, **options):
    stream = io.BytesIO()
    with tifffile.TiffWriter(stream, bigtiff=options.pop("bigtiff", False), byteorder=options.pop("byteorder", "<")) as file:
        file.write(image, metadata=None, **options)
    return stream.getvalue()


larger = photograph(21, 27)
add("tiff_big", tifffile_bytes(array, photometric="rgb", bigtiff=True), pixels=array)
add("tiff_big_endian_order", tifffile_bytes(array, photometric="rgb", byteorder=">"))
add("tiff_tiles", tifffile_bytes(larger, photometric="rgb", tile=(16, 16)))
add("tiff_tiles_lzw_predictor", tifffile_bytes(larger, photometric="rgb", tile=(16, 32), compression="lzw", predictor=True))
# Pillow's libtiff has no WebP.
encoded = tifffile_bytes(larger, photometric="rgb", tile=(32, 32), compression="webp")
add("tiff_tiles_webp", encoded, pixels=tifffile.imread(io.BytesIO(encoded)))
add("tiff_strips", tifffile_bytes(larger, photometric="rgb", rowsperstrip=5, compression="zlib"))
planes = numpy.ascontiguousarray(larger.transpose(2, 0, 1))
add("tiff_planes", tifffile_bytes(planes, photometric="rgb", planarconfig="separate", rowsperstrip=7), pixels=larger)
add("tiff_planes_tiles", tifffile_bytes(planes, photometric="rgb", planarconfig="separate", tile=(16, 16), compression="zlib"), pixels=larger)
add("tiff_white_is_zero", tifffile_bytes(array[..., 1], photometric="miniswhite"))
add("tiff_jpeg_tiles", tifffile_bytes(larger, photometric="ycbcr", tile=(16, 16), compression="jpeg"))
add("tiff_ycbcr", tifffile_bytes(array, photometric="ycbcr"))
add("tiff_rgb_and_more", tifffile_bytes(numpy.concatenate([array, alpha, alpha], -1), photometric="rgb", extrasamples=["unspecified", "unspecified"]))
# Colors that were multiplied by alpha.
add("tiff_rgb_multiplied", tifffile_bytes(numpy.concatenate([array // 2, alpha], -1), photometric="rgb", extrasamples=["assocalpha"]))
# 16 bits are scaled with rounding, as those of PNG; Pillow cuts them off, or takes what is above 255 for white.
deep = generator.integers(0, 65536, (13, 17, 3)).astype(numpy.uint16)
add("tiff_rgb_16", tifffile_bytes(deep, photometric="rgb"), pixels=numpy.round(deep / 257))
add("tiff_gray_16", tifffile_bytes(deep[..., 0], photometric="minisblack"), pixels=numpy.round(deep[..., 0] / 257))
add("tiff_gray_16_big_endian_order", tifffile_bytes(deep[..., 0], photometric="minisblack", byteorder=">", compression="zlib", predictor=True), pixels=numpy.round(deep[..., 0] / 257))
add("tiff_planes_16", tifffile_bytes(numpy.ascontiguousarray(deep.transpose(2, 0, 1)), photometric="rgb", planarconfig="separate"), pixels=numpy.round(deep / 257))


def tiff_by_hand(samples, bits, photometric, colors=None):
    """A TIFF of one channel of few bits in one strip."""
    height, width = samples.shape
    wide = numpy.unpackbits(samples.astype(">u2").view(numpy.uint8).reshape(height, width, 2), axis=2)
    data = numpy.packbits(wide[..., 16 - bits :].reshape(height, -1), axis=1).tobytes()
    entries = [(256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, 1), (262, 3, 1, photometric),
               (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, height), (279, 4, 1, len(data))]
    more = b"" if colors is None else colors.astype("<u2").tobytes()
    if colors is not None:
        entries.append((320, 3, colors.size, 8 + len(data)))
    directory = struct.pack("<H", len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(4)
    return b"II*\0" + struct.pack("<I", 8 + len(data) + len(more)) + data + more + directory


for bits in (2, 4):
    add(f"tiff_gray_{bits}", tiff_by_hand(generator.integers(0, 2**bits, (13, 17)), bits, 1))
for bits in (1, 4):
    table = generator.integers(0, 65536, (3, 2**bits))
    add(f"tiff_palette_{bits}", tiff_by_hand(generator.integers(0, 2**bits, (13, 17)), bits, 3, table))
deep = generator.integers(0, 4096, (13, 17))
add("tiff_gray_12", tiff_by_hand(deep, 12, 1), pixels=numpy.round(deep * 255 / 4095))

# AVIF

add("avif_420", encode(color, format="AVIF", quality=80, subsampling="4:2:0"))
add("avif_422", encode(color, format="AVIF", quality=80, subsampling="4:2:2"))
add("avif_444", encode(color, format="AVIF", quality=80, subsampling="4:4:4"))
add("avif_gray", encode(color.convert("L"), format="AVIF", quality=80, subsampling="4:0:0"))
add("avif_alpha", encode(translucent, format="AVIF", quality=80))
add("avif_limited_range", encode(color, format="AVIF", quality=80, range="limited"))
for orientation in range(2, 9):
    add(f"avif_lies_{orientation}", encode(small, format="AVIF", quality=80, exif=lying(orientation)), upright=True)
add("avif_animated", encode(small, format="AVIF", save_all=True, append_images=frames, quality=80))

# HEIC

def heic(image, **options):
    stream = io.BytesIO()
    pillow_heif.from_pillow(image).save(stream, **options)
    return stream.getvalue()


def heic_pixels(encoded):
    return numpy.asarray(pillow_heif.open_heif(encoded, convert_hdr_to_8bit=True).to_pillow().convert("RGB"))


for name, options in {"420": {"chroma": 420}, "444": {"chroma": 444}}.items():
    encoded = heic(color, quality=80, **options)
    add("heic_" + name, encoded, pixels=heic_pixels(encoded))

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={"generator": "formats.py, Pillow " + Image.__version__})
path.chmod(0o644)
