"""Writes orientations.safetensors: images with EXIF data, and what Pillow's ImageOps.exif_transpose makes of them.

    python Tests/ImagesTests/Fixtures/orientations.py

numpy 2, Pillow 13, safetensors. Seed 0. Tensor pairs `<case>.bytes` uint8 [count] and `<case>.pixels` uint8
[height, width, 3]; cases whose EXIF data make no sense decode as they are stored.
"""

import io
import pathlib
import struct
import zlib

import numpy
from PIL import Image, ImageOps
from safetensors.numpy import save_file

generator = numpy.random.default_rng(0)
tensors = {}
WIDTH, HEIGHT = 21, 13
image = Image.fromarray(generator.integers(0, 256, (4, 5, 3), numpy.uint8)).resize((WIDTH, HEIGHT))


def tiff(value, order="<", tag=0x0112, kind=3, count=1, directory=8, entries=None):
    """An EXIF block with a first directory of two entries, the second of which says how the image lies."""
    width = struct.pack(order + "HHII", 0x0100, 4, 1, WIDTH)
    packed = struct.pack(order + "HHI" + ("I" if kind == 4 else "HH"), tag, kind, count, *([value] if kind == 4 else [value, 0]))
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, directory)
    return head + struct.pack(order + "H", 2 if entries is None else entries) + width + packed + bytes(4)


def upright(encoded):
    return numpy.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(encoded))).convert("RGB"))


def add(name, encoded, as_stored=False):
    tensors[name + ".bytes"] = numpy.frombuffer(encoded, numpy.uint8).copy()
    stored = numpy.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))
    tensors[name + ".pixels"] = numpy.ascontiguousarray(stored if as_stored else upright(encoded))


def encode(format, **options):
    stream = io.BytesIO()
    image.save(stream, format=format, **options)
    return stream.getvalue()


def jpeg(block, **options):
    return encode("JPEG", quality=90, exif=b"Exif\0\0" + block, **options)


for orientation in range(1, 9):
    add(f"jpeg_{orientation}_little_endian", jpeg(tiff(orientation)))
    add(f"jpeg_{orientation}_big_endian", jpeg(tiff(orientation, ">"), subsampling=0))
    add(f"png_{orientation}", encode("PNG", exif=tiff(orientation)))
add("jpeg_6_long", jpeg(tiff(6, kind=4)))
add("jpeg_8_progressive", jpeg(tiff(8), progressive=True))

plain = encode("PNG")
block = tiff(5, ">")
chunk = struct.pack(">I", len(block)) + b"eXIf" + block + struct.pack(">I", zlib.crc32(b"eXIf" + block))
add("png_5_after_pixels", plain[:-12] + chunk + plain[-12:])
damaged = bytearray(plain[:-12] + chunk + plain[-12:])
damaged[-13] ^= 1
add("png_bad_checksum", bytes(damaged), as_stored=True)

add("jpeg_0", jpeg(tiff(0)))
add("jpeg_9", jpeg(tiff(9)))
add("jpeg_two_values", jpeg(tiff(6, count=2)), as_stored=True)
add("jpeg_text_instead_of_number", jpeg(tiff(6, kind=2)), as_stored=True)
add("jpeg_directory_outside", jpeg(tiff(6, directory=0xFFFFFFFF)), as_stored=True)
add("jpeg_directory_at_the_end", jpeg(tiff(6, directory=37)), as_stored=True)
add("jpeg_too_many_entries", jpeg(tiff(6, tag=0x0101, entries=65535)), as_stored=True)
add("jpeg_no_order", jpeg(b"IM" + tiff(6)[2:]), as_stored=True)
add("jpeg_no_magic", jpeg(b"II\0\0" + tiff(6)[4:]), as_stored=True)
for count in (0, 7, 8, 9, 21, 33):
    add(f"jpeg_{count}_bytes", jpeg(tiff(6)[:count]), as_stored=True)

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={"generator": "orientations.py, Pillow " + Image.__version__})
path.chmod(0o644)
