"""Compares exported encoders with the networks of torchvision and timm; called by Scripts/interop.sh.

    python Scripts/interop.py FOLDER IMAGES

FOLDER holds pairs of NAME.safetensors (`simclr export`) and NAME-features.safetensors (`simclr embed` of IMAGES,
class folders of JPEG files). Each export must load with strict=True into the published network less its classifier, and
give the same features, every element within 1e-4. Written for torch 2.11.0, torchvision 0.26.0, timm 1.0.22.
"""

import json
import pathlib
import sys

import timm
import torch
import torchvision
from safetensors import safe_open
from safetensors.torch import load_file
from torch import nn
from torchvision.io import ImageReadMode, decode_jpeg, read_file
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

TOLERANCE = 1e-4

ARCHITECTURES = {
    "resnet18": (BasicBlock, [2, 2, 2, 2]),
    "resnet34": (BasicBlock, [3, 4, 6, 3]),
    "resnet50": (Bottleneck, [3, 4, 6, 3]),
    "resnet101": (Bottleneck, [3, 4, 23, 3]),
    "resnet152": (Bottleneck, [3, 8, 36, 3]),
}


class ScaledResNet(ResNet):
    """torchvision's ResNet with a width multiplier, which torchvision itself offers for inner layers only."""

    def __init__(self, block, layers, width):
        self.width = width
        super().__init__(block, layers)
        channels = int(64 * width)
        self.conv1 = nn.Conv2d(3, channels, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if planes == 64:
            self.inplanes = int(64 * self.width)
        return super()._make_layer(block, int(planes * self.width), blocks, stride, dilate)


def network(metadata):
    """The network that an export's metadata describe, less the classifier, with random weights."""
    name = metadata["architecture"]
    if name.startswith("vit_"):
        size = {"patch_size": int(metadata["patch_size"]), "img_size": int(metadata["image_size"])}
        pooling = {"token": "token", "mean": "avg"}[metadata["pooling"]]
        return timm.create_model(f"{name}_patch16_224", num_classes=0, global_pool=pooling, **size).eval()
    if name.startswith(("convnext_", "efficientnet_")):
        model = getattr(torchvision.models, name)()
        if name.startswith("convnext_"):
            model.classifier[2] = nn.Identity()
        else:
            model.classifier = nn.Identity()
        return model.eval()
    if name.startswith(("resnext", "wide_resnet")):
        model = getattr(torchvision.models, name)()
        model.fc = nn.Identity()
        return model.eval()
    if name not in ARCHITECTURES:
        return timm.create_model(name, num_classes=0).eval()
    block, layers = ARCHITECTURES[metadata["architecture"]]
    width = float(metadata["width"])
    model = ResNet(block, layers) if width == 1 else ScaledResNet(block, layers, width)
    if metadata["stem"] == "cifar":
        model.conv1 = nn.Conv2d(3, model.conv1.out_channels, kernel_size=3, padding=1, bias=False)
        model.maxpool = nn.Identity()
    model.fc = nn.Identity()
    return model.eval()


def read_images(folder, metadata):
    """Normalized images [N, 3, S, S] and their labels, by sorted class folder and sorted file name."""
    images, labels = [], []
    classes = sorted(path for path in folder.iterdir() if path.is_dir())
    for label, class_folder in enumerate(classes):
        for path in sorted(class_folder.iterdir()):
            images.append(decode_jpeg(read_file(str(path)), mode=ImageReadMode.RGB))
            labels.append(label)
    batch = torch.stack(images).float() / 255
    size = int(metadata["image_size"])
    assert batch.shape[2:] == (size, size), f"images are {tuple(batch.shape[2:])}, the export says {size}"
    mean, std = (torch.tensor(json.loads(metadata[key])).view(1, 3, 1, 1) for key in ("mean", "std"))
    return (batch - mean) / std, torch.tensor(labels)


def compare(name, export, embedded, image_folder):
    """Prints one line; returns whether the features are the same."""
    with safe_open(export, "pt") as file:
        metadata = file.metadata()
    model = network(metadata)
    model.load_state_dict(load_file(export), strict=True)
    images, labels = read_images(image_folder, metadata)
    with torch.inference_mode():
        expected = torch.cat([model(batch) for batch in images.split(40)])
    found = load_file(embedded)
    if found["features"].shape != expected.shape or not torch.equal(found["labels"].long(), labels):
        shapes = f"{tuple(found['features'].shape)}, expected {tuple(expected.shape)}"
        print(f"FAILED  {name}: features {shapes}, or labels differ")
        return False
    difference = (found["features"] - expected).abs()
    same = bool((difference <= TOLERANCE).all())
    print(
        f"{'same  ' if same else 'FAILED'}  {name:16} {len(labels)} images x {expected.shape[1]} features,"
        f" largest {expected.abs().max():.3g}, largest difference {difference.max():.1e}"
    )
    return same


def main():
    folder, image_folder = map(pathlib.Path, sys.argv[1:])
    exports = sorted(folder.glob("*-features.safetensors"))
    if not exports:
        sys.exit(f"interop: no *-features.safetensors in {folder}")
    results = []
    for embedded in exports:
        name = embedded.name.removesuffix("-features.safetensors")
        results.append(compare(name, folder / f"{name}.safetensors", embedded, image_folder))
    if not all(results):
        sys.exit("interop: torchvision or timm computes other features")
    print(f"torchvision and timm load all {len(results)} exports with strict=True and compute the same features")


if __name__ == "__main__":
    main()
