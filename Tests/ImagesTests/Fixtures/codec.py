"""Writes codec.safetensors: encoded images with the RGB pixels that they decode to.

    python Tests/ImagesTests/Fixtures/codec.py

numpy 2, Pillow 13 (bundled libjpeg-turbo 3), safetensors; torch 2.11.0 and torchvision 0.26.0 decode the CMYK case;
cjpeg 2.1.5 (Debian's libjpeg-turbo-progs) writes what Pillow does not.
Seed 0. Tensor pairs `<case>.bytes` uint8 [count] and `<case>.pixels` uint8 [height, width, 3].
"""

import io
import pathlib
import struct
import subprocess
import zlib

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file

generator = numpy.random.default_rng(0)
tensors = {}


def photograph(height, width):
    """Smooth color with edges and noise, so that every coefficient of the transform is exercised."""
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    image = numpy.stack([128 + 100 * numpy.sin(x / 7 + c) * numpy.cos(y / (5 + c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return (image + generator.normal(0, 12, image.shape)).clip(0, 255).astype(numpy.uint8)


def add(name, encoded, pixels):
    tensors[name + ".bytes"] = numpy.frombuffer(encoded, numpy.uint8).copy()
    tensors[name + ".pixels"] = numpy.ascontiguousarray(pixels, dtype=numpy.uint8)


def encode(image, **options):
    stream = io.BytesIO()
    image.save(stream, **options)
    return stream.getvalue()


def pillow(encoded):
    return numpy.asarray(Image.open(io.BytesIO(encoded)).convert("RGB"))


def jpeg(name, image, **options):
    encoded = encode(image, format="JPEG", **options)
    add("jpeg_" + name, encoded, pillow(encoded))


color = Image.fromarray(photograph(37, 45))
jpeg("420", color, quality=85, subsampling=2)
jpeg("422", color, quality=90, subsampling=1)
jpeg("444", color, quality=95, subsampling=0)
jpeg("low_quality", color, quality=5)
jpeg("progressive", color, quality=80, progressive=True)
jpeg("restart_markers", color, quality=80, restart_marker_blocks=2)
jpeg("optimized", color, quality=75, optimize=True)
jpeg("rgb", color, quality=90, keep_rgb=True)
jpeg("gray", color.convert("L"), quality=85)
jpeg("gray_progressive", color.convert("L"), quality=85, progressive=True)
jpeg("one_pixel", color.crop((9, 9, 10, 10)), quality=90)
jpeg("narrow", color.crop((5, 0, 6, 37)), quality=90)

cmyk = encode(Image.fromarray(generator.integers(0, 256, (5, 6, 4), numpy.uint8), "CMYK").resize((23, 19)),
              format="JPEG", quality=90)
decoded = torchvision.io.decode_jpeg(torch.frombuffer(bytearray(cmyk), dtype=torch.uint8),
                                     mode=torchvision.io.ImageReadMode.RGB)
add("jpeg_cmyk", cmyk, decoded.permute(1, 2, 0).numpy())

# YCCK: the same file with Adobe's marker saying that its first three components are YCbCr.
ycck = bytearray(cmyk)
ycck[ycck.index(b"Adobe") + 11] = 2
decoded = torchvision.io.decode_jpeg(torch.frombuffer(ycck, dtype=torch.uint8),
                                     mode=torchvision.io.ImageReadMode.RGB)
add("jpeg_ycck", bytes(ycck), decoded.permute(1, 2, 0).numpy())


def png(name, image, pixels=None, **options):
    encoded = encode(image, format="PNG", **options)
    add("png_" + name, encoded, pillow(encoded) if pixels is None else pixels)


array = photograph(13, 17)
small = Image.fromarray(array)
png("rgb", small)
png("gray", small.convert("L"))
png("palette", small.quantize(31))
png("palette_transparent", small.quantize(31), pixels=numpy.asarray(small.quantize(31).convert("RGB")), transparency=3)
png("bilevel", small.convert("1"))
alpha = generator.integers(0, 256, (13, 17, 1), numpy.uint8)
png("rgba", Image.fromarray(numpy.concatenate([array, alpha], -1)), pixels=array)
gray = numpy.asarray(small.convert("L"))
png("gray_alpha", Image.fromarray(numpy.stack([gray, alpha[..., 0]], -1), "LA"), pixels=numpy.stack([gray] * 3, -1))
deep = generator.integers(0, 65536, (13, 17)).astype(numpy.uint16)
png("gray_16", Image.fromarray(deep), pixels=numpy.stack([numpy.round(deep / 257)] * 3, -1))


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png_by_hand(color_type, bit_depth, interlaced, samples, before=b"", beyond=b""):
    """Kinds of PNG that Pillow does not write: few bits, 16 bits a channel, Adam7 interlacing, unusual chunks.

    `samples` [height, width, channels]; `before` are chunks before the pixels, `beyond` is data after the last row.
    """
    height, width, _ = samples.shape

    def pack(row):
        if bit_depth == 16:
            return row.astype(">u2").tobytes()
        bits = numpy.unpackbits(row.astype(numpy.uint8).reshape(-1, 1), axis=1)[:, 8 - bit_depth:]
        return numpy.packbits(bits).tobytes()

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = []
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        rows += [b"\0" + pack(row) for row in samples[top::down, left::right] if row.size]
    header = struct.pack(">IIBBBBB", width, height, bit_depth, color_type, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before
            + chunk(b"IDAT", zlib.compress(b"".join(rows) + beyond, 9)) + chunk(b"IEND", b""))


GRAY, RGB, PALETTE, GRAY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6


def to_8_bits(samples):
    return numpy.round(samples / 257)


add("png_rgb_interlaced", png_by_hand(RGB, 8, True, array), array)
deep = generator.integers(0, 65536, (13, 17, 3))
add("png_rgb_16", png_by_hand(RGB, 16, False, deep), to_8_bits(deep))

# What came later stands below, so that the random numbers above stay what they were.

for bits in (2, 4):
    samples = generator.integers(0, 2**bits, (13, 17, 1))
    encoded = png_by_hand(GRAY, bits, False, samples)
    expected = numpy.repeat(samples * (255 // (2**bits - 1)), 3, -1)
    assert (pillow(encoded) == expected).all()
    add(f"png_gray_{bits}", encoded, expected)
for bits in (1, 2, 4):
    for interlaced in (False, True):
        colors = generator.integers(0, 256, (2**bits, 3), numpy.uint8)
        samples = generator.integers(0, 2**bits, (13, 17, 1))
        encoded = png_by_hand(PALETTE, bits, interlaced, samples, before=chunk(b"PLTE", colors.tobytes()))
        assert (pillow(encoded) == colors[samples[..., 0]]).all()
        add(f"png_palette_{bits}" + ("_interlaced" if interlaced else ""), encoded, colors[samples[..., 0]])
deep = generator.integers(0, 65536, (13, 17, 4))
add("png_rgba_16", png_by_hand(RGB_ALPHA, 16, False, deep), to_8_bits(deep[..., :3]))
add("png_rgba_16_interlaced", png_by_hand(RGB_ALPHA, 16, True, deep), to_8_bits(deep[..., :3]))
add("png_gray_alpha_16", png_by_hand(GRAY_ALPHA, 16, False, deep[..., :2]), to_8_bits(deep[..., [0, 0, 0]]))
samples = generator.integers(0, 16, (13, 17, 1))
add("png_gray_transparent", png_by_hand(GRAY, 4, False, samples, before=chunk(b"tRNS", struct.pack(">H", 5))),
    numpy.repeat(samples * 17, 3, -1))
add("png_rgb_transparent", png_by_hand(RGB, 8, False, array, before=chunk(b"tRNS", struct.pack(">HHH", *array[3, 4]))),
    array)
deep = generator.integers(0, 65536, (13, 17, 3))
add("png_rgb_16_transparent",
    png_by_hand(RGB, 16, False, deep, before=chunk(b"tRNS", struct.pack(">HHH", *deep[3, 4]))), to_8_bits(deep))
# Eight megabytes of text, of a color profile and of data after the last row, each in eight kilobytes.
zeros = zlib.compress(bytes(8_000_000), 9)
add("png_compressed_text", png_by_hand(RGB, 8, False, array, before=chunk(b"zTXt", b"Comment\0\0" + zeros)), array)
add("png_compressed_profile", png_by_hand(RGB, 8, False, array, before=chunk(b"iCCP", b"profile\0\0" + zeros)), array)
add("png_data_beyond_the_last_row", png_by_hand(RGB, 8, False, array, beyond=bytes(8_000_000)), array)


def cjpeg(name, *arguments):
    netpbm = io.BytesIO()
    color.save(netpbm, format="PPM")
    encoded = subprocess.run(["cjpeg", "-quality", "85", *arguments], input=netpbm.getvalue(), capture_output=True,
                             check=True).stdout
    add("jpeg_" + name, encoded, pillow(encoded))


cjpeg("440", "-sample", "1x2")
cjpeg("411", "-sample", "4x1")
cjpeg("410", "-sample", "4x2")
cjpeg("progressive_422", "-sample", "2x1", "-progressive")
cjpeg("restart_rows", "-restart", "1")
cjpeg("arithmetic", "-arithmetic")
for name in ("cmyk", "ycck"):
    encoded = tensors[f"jpeg_{name}.bytes"].tobytes()
    assert (pillow(encoded) == tensors[f"jpeg_{name}.pixels"]).all()
# Without Adobe's marker, which could say that inks are not inverted: Pillow takes them as inverted all the same.
marker = cmyk.index(b"\xff\xee")
plain = cmyk[:marker] + cmyk[marker + 2 + int.from_bytes(cmyk[marker + 2 : marker + 4], "big"):]
add("jpeg_cmyk_without_adobe", plain, pillow(plain))
progressive_cmyk = encode(Image.open(io.BytesIO(cmyk)), format="JPEG", quality=80, progressive=True)
add("jpeg_cmyk_progressive", progressive_cmyk, pillow(progressive_cmyk))

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={"generator": "codec.py, Pillow " + Image.__version__ + ", torchvision " + torchvision.__version__})
path.chmod(0o644)
