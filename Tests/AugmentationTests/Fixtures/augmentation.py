"""Writes augmentation.safetensors: images with what torchvision's functional operations make of them.

    python Tests/AugmentationTests/Fixtures/augmentation.py

torch 2.11.0, torchvision 0.26.0, safetensors. Seed 0. Images are uint8 [height, width, 3]; the metadata's `cases` is a
JSON list of {operation, image, parameters, result}, `image` and `result` naming tensors.
Operations are those of torchvision.transforms.functional, which resize in float; those called fixed_point come from
torchvision.transforms.v2.functional, which resizes bytes with integer weights and rounds between its two passes.
"""

import json
import pathlib

import numpy
import torch
import torchvision
from safetensors.numpy import save_file
from torchvision.transforms import functional as F
from torchvision.transforms.v2 import functional as v2

generator = numpy.random.default_rng(0)
tensors, cases = {}, []


def photograph(height, width):
    y, x = numpy.mgrid[0:height, 0:width].astype(float)
    image = numpy.stack([128 + 110 * numpy.sin(x / 6 + c) * numpy.cos(y / (4 + c)) for c in range(3)], -1)
    image[height // 3 : height // 2, width // 4 : width // 2] = (250, 20, 60)
    return (image + generator.normal(0, 15, image.shape)).clip(0, 255).astype(numpy.uint8)


gray = numpy.repeat(photograph(12, 14)[..., :1], 3, -1)
extremes = generator.choice(numpy.array([0, 1, 127, 128, 254, 255], numpy.uint8), (12, 13, 3))
images = {
    "photograph": photograph(45, 61),
    "small": photograph(21, 19),
    "noise": generator.integers(0, 256, (17, 16, 3), numpy.uint8),
    "gray": gray,
    "extremes": extremes,
    "black": numpy.zeros((5, 7, 3), numpy.uint8),
    "white": numpy.full((5, 7, 3), 255, numpy.uint8),
    "pixel": numpy.array([[[200, 30, 90]]], numpy.uint8),
}
tensors.update(images)


def add(operation, image, parameters, result):
    name = f"{len(cases):03}"
    tensors[name] = numpy.ascontiguousarray(result.permute(1, 2, 0).numpy())
    cases.append({"operation": operation, "image": image, "parameters": parameters, "result": name})


def tensor(image):
    return torch.from_numpy(images[image]).permute(2, 0, 1)


for image, top, left, height, width, size in [
    ("photograph", 0, 0, 45, 61, 32), ("photograph", 3, 5, 40, 17, 32), ("photograph", 10, 20, 9, 30, 16),
    ("photograph", 7, 50, 1, 1, 8), ("photograph", 44, 0, 1, 61, 9), ("photograph", 0, 60, 45, 1, 9),
    ("photograph", 2, 3, 2, 3, 13), ("photograph", 0, 0, 45, 45, 1), ("photograph", 4, 9, 33, 50, 7),
    ("photograph", 5, 5, 16, 16, 16), ("photograph", 1, 1, 24, 24, 12), ("photograph", 1, 1, 8, 8, 16),
    ("noise", 0, 0, 17, 16, 31), ("noise", 0, 0, 17, 16, 5), ("extremes", 0, 0, 12, 13, 24),
    ("white", 0, 0, 5, 7, 11), ("pixel", 0, 0, 1, 1, 6), ("small", 1, 0, 20, 19, 19),
]:
    add("resized_crop", image, [top, left, height, width, size],
        F.resized_crop(tensor(image), top, left, height, width, [size, size], antialias=True))
    add("resized_crop_fixed_point", image, [top, left, height, width, size],
        v2.resized_crop(tensor(image), top, left, height, width, [size, size], antialias=True))

for image, width, height in [("photograph", 20, 37), ("noise", 40, 9), ("small", 2, 30)]:
    add("resize", image, [width, height], F.resize(tensor(image), [height, width], antialias=True))
# One column only in version 2: version 1 gives something else than it and than Pillow there.
for image, width, height in [("photograph", 20, 37), ("noise", 40, 9), ("small", 1, 30)]:
    add("resize_fixed_point", image, [width, height], v2.resize(tensor(image), [height, width], antialias=True))

for image in images:
    add("flip", image, [], F.hflip(tensor(image)))
    add("grayscale", image, [], F.rgb_to_grayscale(tensor(image), 3))
for image in ["small", "noise", "gray", "extremes", "white", "pixel"]:
    for factor in [0.0, 0.2, 0.6173, 1.0, 1.3, 1.8, 5.0]:
        add("brightness", image, [factor], F.adjust_brightness(tensor(image), factor))
        add("contrast", image, [factor], F.adjust_contrast(tensor(image), factor))
        add("saturation", image, [factor], F.adjust_saturation(tensor(image), factor))
for image in ["small", "noise", "gray", "extremes", "black", "white", "pixel"]:
    for turns in [-0.5, -0.21, -0.1, -1e-4, 0.0, 0.07, 1 / 6, 0.2, 1 / 3, 0.4999, 0.5]:
        add("hue", image, [turns], F.adjust_hue(tensor(image), turns))
for image, kernel, sigma in [
    ("small", 3, 0.1), ("small", 3, 0.7), ("small", 3, 2.0), ("small", 5, 1.3), ("small", 23, 2.0), ("small", 1, 1.0),
    ("noise", 31, 2.0), ("noise", 7, 0.1), ("gray", 9, 1.1), ("extremes", 3, 2.0), ("white", 9, 2.0), ("pixel", 1, 2.0),
    ("photograph", 23, 0.5),
]:
    add("blur", image, [kernel, sigma], F.gaussian_blur(tensor(image), [kernel, kernel], [sigma, sigma]))
for image in ["small", "extremes"]:
    for threshold in [0.0, 1.0, 127.5, 128.0, 200.0, 255.0]:
        add("solarize", image, [threshold], F.solarize(tensor(image), threshold))

# Last, so that the others keep their numbers.
def add_bicubic():
    bicubic = F.InterpolationMode.BICUBIC
    for image, top, left, height, width, size in [
        ("photograph", 0, 0, 45, 61, 32), ("photograph", 3, 5, 40, 17, 32), ("photograph", 7, 50, 1, 1, 8),
        ("photograph", 44, 0, 1, 61, 9), ("photograph", 0, 0, 45, 45, 1), ("photograph", 1, 1, 8, 8, 16),
        ("noise", 0, 0, 17, 16, 31), ("noise", 0, 0, 17, 16, 5), ("extremes", 0, 0, 12, 13, 24),
        ("extremes", 1, 2, 9, 8, 13), ("white", 0, 0, 5, 7, 11), ("pixel", 0, 0, 1, 1, 6), ("small", 1, 0, 20, 19, 19),
    ]:
        add("bicubic_crop", image, [top, left, height, width, size],
            F.resized_crop(tensor(image), top, left, height, width, [size, size], bicubic, antialias=True))
    for image, width, height in [("photograph", 20, 37), ("noise", 40, 9), ("small", 2, 30)]:
        add("bicubic_resize", image, [width, height], F.resize(tensor(image), [height, width], bicubic, antialias=True))


def add_more():
    for image in ["small", "noise", "gray", "black", "white", "pixel"]:
        add("vertical_flip", image, [], F.vflip(tensor(image)))
        add("equalize", image, [], F.equalize(tensor(image)))
    for image in ["small", "pixel"]:
        for turns in [0, 1, 2, 3]:
            add("quarter_turn", image, [turns], torch.rot90(tensor(image), turns, [1, 2]))
    for image in ["small", "noise", "extremes"]:
        # By right angles an image of odd and even sides would be half-way between two levels everywhere.
        for degrees in [-33.3, -5.0, 0.5, 15.0, 45.0, 120.0] + [-180.0, -90.0, 90.0] * (image == "small"):
            add("rotate", image, [degrees], F.rotate(tensor(image), degrees, F.InterpolationMode.BILINEAR))
    for image in ["small", "extremes", "white", "pixel"]:
        for bits in range(1, 9):
            add("posterize", image, [bits], F.posterize(tensor(image), bits))
        for factor in [0.0, 0.4, 1.0, 2.0, 9.0]:
            add("sharpness", image, [factor], F.adjust_sharpness(tensor(image), factor))
    for image, top, left, height, width in [("small", 0, 0, 1, 1), ("small", 3, 5, 12, 7), ("noise", 1, 9, 16, 7)]:
        add("erase", image, [top, left, height, width, 10, 200, 77],
            F.erase(tensor(image), top, left, height, width, torch.tensor([10, 200, 77], dtype=torch.uint8)[:, None, None]))


mean, deviation = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
for image, side in [("photograph", 28), ("small", 42), ("noise", 16), ("gray", 14), ("white", 3), ("pixel", 7)]:
    resized = F.resize(tensor(image), round(side * 256 / 224), antialias=True)
    add("evaluate", image, [side], F.center_crop(resized, [side, side]))
add_bicubic()
add_more()
for image in ["small", "extremes"]:
    name = image + ".normalized"
    tensors[name] = numpy.ascontiguousarray(F.normalize(tensor(image).float() / 255, mean, deviation).numpy())

path = pathlib.Path(__file__).with_suffix(".safetensors")
save_file(tensors, path, metadata={
    "generator": f"augmentation.py, torch {torch.__version__}, torchvision {torchvision.__version__}",
    "cases": json.dumps(cases, separators=(",", ":")),
})
path.chmod(0o644)
