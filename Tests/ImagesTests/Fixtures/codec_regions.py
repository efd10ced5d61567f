"""Writes codec_regions.safetensors: JPEGs of every kind of subsampling and scan, of several iMCUs on each side.

    python Tests/ImagesTests/Fixtures/codec_regions.py

numpy 2, Pillow 13, safetensors, and cjpeg 2.1.5 (Debian's libjpeg-turbo-progs). Seed 0. `<case>.bytes` uint8 [count];
for some, `<case>.pixels_<denominator>` uint8 [height, width, 3] as Pillow's draft mode decodes them at that scale.
"""

import io
import pathlib
import subprocess
import tempfile

import numpy
from PIL import Image
from safetensors.numpy import save_file

generator = numpy.random.default_rng(0)
tensors = {}


def photograph(height, width):
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    image = numpy.stack([128 + 100 * numpy.sin(x / 9 + c) * numpy.cos(y / (6 + c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return Image.fromarray((image + generator.normal(0, 6, image.shape)).clip(0, 255).astype(numpy.uint8))


def add(name, encoded):
    tensors[name + ".bytes"] = numpy.frombuffer(encoded, numpy.uint8).copy()


def cjpeg(name, width, height, *arguments):
    netpbm = io.BytesIO()
    photograph(height, width).save(netpbm, format="PPM")
    add(name, subprocess.run(["cjpeg", "-quality", "75", *arguments], input=netpbm.getvalue(), capture_output=True,
                             check=True).stdout)


cjpeg("444", 101, 67, "-sample", "1x1")
cjpeg("422", 117, 67, "-sample", "2x1")
cjpeg("420", 117, 83, "-sample", "2x2")
cjpeg("420_even", 128, 96, "-sample", "2x2")
cjpeg("440", 83, 117, "-sample", "1x2")
cjpeg("411", 150, 61, "-sample", "4x1")
cjpeg("410", 150, 67, "-sample", "4x2")
cjpeg("441", 61, 150, "-sample", "1x4")
cjpeg("h2v4", 83, 117, "-sample", "2x4")
cjpeg("mixed", 117, 83, "-sample", "2x2,2x1,1x2")
cjpeg("gray", 117, 83, "-grayscale")
cjpeg("gray_2x2", 117, 83, "-grayscale", "-sample", "2x2")
cjpeg("restart_blocks", 117, 83, "-restart", "3B")
cjpeg("restart_rows", 117, 83, "-sample", "2x1", "-restart", "1")
cjpeg("progressive_420", 117, 83, "-progressive")
cjpeg("progressive_422", 117, 83, "-progressive", "-sample", "2x1")
cjpeg("progressive_440", 83, 117, "-progressive", "-sample", "1x2")
cjpeg("arithmetic", 117, 83, "-arithmetic")
cjpeg("arithmetic_progressive", 117, 83, "-arithmetic", "-progressive")
with tempfile.NamedTemporaryFile("w", suffix=".txt") as scans:
    scans.write("0;\n1;\n2;\n")
    scans.flush()
    cjpeg("a_scan_each", 117, 83, "-scans", scans.name)

stream = io.BytesIO()
photograph(83, 117).convert("CMYK").save(stream, format="JPEG", quality=75)
add("cmyk", stream.getvalue())

# Without its last four scans, coefficients are inexact, and libjpeg-turbo smooths blocks from their neighbors.
whole = tensors["progressive_420.bytes"].tobytes()
scans = [place for place in range(len(whole)) if whole[place : place + 2] == b"\xff\xda"]
tables = whole[: scans[-4]].rfind(b"\xff\xc4")
add("progressive_unfinished", whole[: tables if tables > scans[-5] else scans[-4]] + b"\xff\xd9")

for name in ("420", "422", "440", "gray", "progressive_422"):
    for denominator in (1, 2, 4, 8):
        image = Image.open(io.BytesIO(tensors[name + ".bytes"].tobytes()))
        if denominator > 1:
            # Pillow takes the smallest scale that is not below what is asked for.
            image.draft(None, (image.width // denominator, image.height // denominator))
        size = [-(-side // denominator) for side in Image.open(io.BytesIO(tensors[name + ".bytes"].tobytes())).size]
        pixels = numpy.asarray(image.convert("RGB"))
        assert list(pixels.shape) == [size[1], size[0], 3], (name, denominator, pixels.shape)
        if denominator > 1:
            tensors[f"{name}.pixels_{denominator}"] = numpy.ascontiguousarray(pixels)

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={"generator": "codec_regions.py, Pillow " + Image.__version__ + ", cjpeg 2.1.5"})
path.chmod(0o644)
