"""Compares features of published networks, read from their own files, with torchvision's and timm's; called by
Scripts/interop.sh.

    python Scripts/interop_published.py write FOLDER IMAGES
    python Scripts/interop_published.py compare FOLDER IMAGES

`write` saves networks with their classifiers and random weights (seed 0) as they are published: FOLDER/NAME.pth or
NAME.safetensors; their running statistics are those of IMAGES. `compare` reads NAME-published-features.safetensors (`simclr embed` of IMAGES, class folders of JPEG files of
64 pixels); every element of the features must be within 1e-5 of the largest, for float32 has seven digits, or, where torch's own
float32 loses more of them, at most four times as far from float64 as torch's: networks with random weights, EfficientNets above
all, divide small differences by smaller ones. Written for torch 2.11.0, torchvision 0.26.0, timm 1.0.22.
"""

import pathlib
import sys

import timm
import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch import nn

from interop import read_images

TOLERANCE = 1e-5
NETWORKS = {
    "resnet18.pth": torchvision.models.resnet18,
    "resnet50.safetensors": torchvision.models.resnet50,
    "resnet34.safetensors": lambda: timm.create_model("resnet34"),
    "seresnet50.pth": lambda: timm.create_model("seresnet50"),
    "resnext50_32x4d.pth": torchvision.models.resnext50_32x4d,
    "vit_tiny.safetensors": lambda: timm.create_model("vit_tiny_patch16_224", img_size=64),
    "convnext_tiny.pth": torchvision.models.convnext_tiny,
    "efficientnet_b0.pth": torchvision.models.efficientnet_b0,
}
# ImageNet's, as published networks expect it; images are not resized.
METADATA = {"image_size": "64", "mean": "[0.485, 0.456, 0.406]", "std": "[0.229, 0.224, 0.225]"}


def settled(make, images):
    """A network whose running statistics are those of the images, so that features have an ordinary size."""
    torch.manual_seed(0)
    model = make()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
        elif isinstance(module, (nn.Dropout, torchvision.ops.StochasticDepth)):
            module.p = 0
    with torch.no_grad():
        for _ in range(2):
            model.train()(images)
    return model.eval()


def write(folder, image_folder):
    images, _ = read_images(image_folder, METADATA)
    for name, make in NETWORKS.items():
        state = settled(make, images).state_dict()
        if name.endswith(".pth"):
            torch.save(state, folder / name)
        else:
            save_file(state, folder / name)


def remove_classifier(model):
    if hasattr(model, "head"):
        model.head = nn.Identity()
    elif hasattr(model, "classifier"):
        model.classifier[-1] = nn.Identity()
    else:
        model.fc = nn.Identity()


def compare(folder, image_folder):
    images, labels = read_images(image_folder, METADATA)
    results = []
    for name, make in NETWORKS.items():
        model = make()
        path = folder / name
        model.load_state_dict(torch.load(path, weights_only=True) if name.endswith(".pth") else load_file(path))
        remove_classifier(model)
        with torch.inference_mode():
            own = torch.cat([model.eval()(batch) for batch in images.split(40)])
            expected = torch.cat([model.double()(batch.double()) for batch in images.split(40)])
        found = load_file(folder / f"{path.stem}-published-features.safetensors")
        difference = (found["features"] - expected).abs()
        limit = max(TOLERANCE * expected.abs().max(), 4 * (own - expected).abs().max())
        same = bool((difference <= limit).all()) and torch.equal(found["labels"].long(), labels)
        print(
            f"{'same  ' if same else 'FAILED'}  {name:20} {len(labels)} images x {expected.shape[1]} features,"
            f" largest {expected.abs().max():.3g}, largest difference {difference.max():.1e} of {limit:.1e}"
        )
        results.append(same)
    if not all(results):
        sys.exit("interop: published networks have other features here")
    print(f"all {len(results)} published files give the features that their publishers' networks give")


if __name__ == "__main__":
    folders = [pathlib.Path(argument) for argument in sys.argv[2:]]
    write(*folders) if sys.argv[1] == "write" else compare(*folders)
