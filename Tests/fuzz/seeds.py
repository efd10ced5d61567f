"""Writes what fuzzing starts from: every image of the codec's fixtures, in the form that decoder.c takes.

    python3 Tests/fuzz/seeds.py FIXTURES-FOLDER OUTPUT-FOLDER

Files go to a folder for each kind: OUTPUT-FOLDER/jpeg, OUTPUT-FOLDER/webp, ...
"""

import hashlib
import json
import pathlib
import struct
import sys
import zlib


def tensors(path):
    """Names and bytes of a .safetensors file: the header's length, the header as JSON, the data."""
    content = path.read_bytes()
    start = 8 + struct.unpack("<Q", content[:8])[0]
    for name, entry in json.loads(content[8:start]).items():
        if name != "__metadata__":
            first, end = entry["data_offsets"]
            yield name, content[start + first : start + end]


def stored(png):
    """The same PNG with its pixels uncompressed, so that changes to them do not break the compressed stream."""
    output, data, position = png[:8], b"", 8
    while position < len(png):
        length = struct.unpack(">I", png[position : position + 4])[0]
        kind = png[position + 4 : position + 8]
        if kind == b"IDAT":
            data += png[position + 8 : position + 8 + length]
        else:
            if kind == b"IEND":
                body = b"IDAT" + zlib.compress(zlib.decompress(data), 0)
                output += struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
            output += png[position : position + 12 + length]
        position += 12 + length
    return output


fixtures, output = map(pathlib.Path, sys.argv[1:])
for fixture in ("codec", "codec_regions", "orientations", "formats"):
    for name, file in tensors(fixtures / (fixture + ".safetensors")):
        if not name.endswith(".bytes"):
            continue
        is_png = file.startswith(b"\x89PNG")
        variants = [file]
        if is_png and len(file) < 4000:
            variants.append(stored(file))
        for number, variant in enumerate(variants):
            folder = output / ("png" if is_png else "jpeg" if file.startswith(b"\xff\xd8") else name.split("_")[0])
            folder.mkdir(parents=True, exist_ok=True)
            # What to do differs from image to image, and is always the same for one.
            parameters = hashlib.sha256(f"{fixture} {name} {number}".encode()).digest()[:8]
            (folder / f"{fixture}-{name[:-6]}-{number}").write_bytes(parameters + variant)
