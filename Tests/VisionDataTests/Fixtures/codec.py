"""Writes codec.safetensors: encoded images with the RGB pixels that they decode to.

    python Tests/VisionDataTests/Fixtures/codec.py

numpy 2, Pillow 12 (bundled libjpeg-turbo 3), safetensors; torch 2.11.0 and torchvision 0.26.0 decode the CMYK case.
Seed 0. Tensor pairs `<case>.bytes` uint8 [count] and `<case>.pixels` uint8 [height, width, 3].
"""

import io
import pathlib
import struct
import zlib

import numpy
import torch
import torchvision
from PIL import Image
from safetensors.numpy import save_file

generator = numpy.random.default_rng(0)
tensors = {}


def photograph(height, width):
    """Smooth colour with edges and noise, so that every coefficient of the transform is exercised."""
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


colour = Image.fromarray(photograph(37, 45))
jpeg("420", colour, quality=85, subsampling=2)
jpeg("422", colour, quality=90, subsampling=1)
jpeg("444", colour, quality=95, subsampling=0)
jpeg("low_quality", colour, quality=5)
jpeg("progressive", colour, quality=80, progressive=True)
jpeg("restart_markers", colour, quality=80, restart_marker_blocks=2)
jpeg("optimized", colour, quality=75, optimize=True)
jpeg("rgb", colour, quality=90, keep_rgb=True)
jpeg("grey", colour.convert("L"), quality=85)
jpeg("grey_progressive", colour.convert("L"), quality=85, progressive=True)
jpeg("one_pixel", colour.crop((9, 9, 10, 10)), quality=90)
jpeg("narrow", colour.crop((5, 0, 6, 37)), quality=90)

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
png("grey", small.convert("L"))
png("palette", small.quantize(31))
png("palette_transparent", small.quantize(31), pixels=numpy.asarray(small.quantize(31).convert("RGB")), transparency=3)
png("bilevel", small.convert("1"))
alpha = generator.integers(0, 256, (13, 17, 1), numpy.uint8)
png("rgba", Image.fromarray(numpy.concatenate([array, alpha], -1)), pixels=array)
grey = numpy.asarray(small.convert("L"))
png("grey_alpha", Image.fromarray(numpy.stack([grey, alpha[..., 0]], -1), "LA"), pixels=numpy.stack([grey] * 3, -1))
deep = generator.integers(0, 65536, (13, 17)).astype(numpy.uint16)
png("grey_16", Image.fromarray(deep), pixels=numpy.stack([numpy.round(deep / 257)] * 3, -1))



def png_by_hand(bit_depth, interlaced, samples):
    """Kinds of PNG that Pillow does not write: 16 bits a channel, and Adam7 interlacing."""
    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    height, width, _ = samples.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = []
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        rows += [b"\0" + row.tobytes() for row in samples[top::down, left::right] if row.size]
    header = struct.pack(">IIBBBBB", width, height, bit_depth, 2, 0, 0, int(interlaced))
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"".join(rows), 9))
            + chunk(b"IEND", b""))


add("png_rgb_interlaced", png_by_hand(8, True, array), array)
deep = generator.integers(0, 65536, (13, 17, 3))
add("png_rgb_16", png_by_hand(16, False, deep.astype(">u2")), numpy.round(deep / 257))

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={"generator": "codec.py, Pillow " + Image.__version__ + ", torchvision " + torchvision.__version__})
path.chmod(0o644)
