"""Writes architectures.json: what torchvision and timm call every tensor of their whole networks, and how large it is.

Run:       python Tests/EncodersTests/Fixtures/architectures.py
Versions:  torch 2.11.0, torchvision 0.26.0, timm 1.0.22
Seed:      none; networks are made without values (device meta)

NAME → {"state": FNV-1a-64 in hexadecimal of the lines "NAME SHAPE\\n" of the state less the classifier, in its order,
"parameters": their number less the classifier's, "features": the size of what an image becomes}
"""

import json
import sys
from pathlib import Path

import timm
import torch
import torchvision

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import fnv1a64  # noqa: E402

# torchvision's, by what their classifier is called
TORCHVISION = {
    "fc.": [
        "resnet18", "resnet34", "resnet50", "resnet101", "resnet152", "resnext50_32x4d", "resnext101_32x8d",
        "resnext101_64x4d", "wide_resnet50_2", "wide_resnet101_2",
    ],
    "classifier.2.": [f"convnext_{size}" for size in ("tiny", "small", "base", "large")],
    "classifier.1.": [f"efficientnet_b{number}" for number in range(8)],
}
# ours: timm's
TIMM = {
    "seresnet50": "seresnet50",
    "seresnet101": "seresnet101",
    "seresnet152": "seresnet152",
} | {f"vit_{size}": f"vit_{size}_patch16_224" for size in ("tiny", "small", "base", "large")}


def entry(network, classifier):
    state = [(name, tensor) for name, tensor in network.state_dict().items() if not name.startswith(classifier)]
    lines = "".join(f"{name} {list(tensor.shape)}\n" for name, tensor in state)
    parameters = [p for name, p in network.named_parameters() if not name.startswith(classifier)]
    return {"state": f"{fnv1a64(lines):016x}", "parameters": sum(p.numel() for p in parameters)}


def main():
    found = {}
    with torch.device("meta"):
        for classifier, names in TORCHVISION.items():
            for name in names:
                network = getattr(torchvision.models, name)()
                found[name] = entry(network, classifier)
                found[name]["features"] = network.get_parameter(f"{classifier}weight").shape[1]
        for name, theirs in TIMM.items():
            network = timm.create_model(theirs, num_classes=0)
            found[name] = entry(network, "fc.") | {"features": network.num_features}
    lines = ",\n".join(f'"{name}":{json.dumps(value, separators=(",", ":"))}' for name, value in found.items())
    (HERE / "architectures.json").write_text(f"{{{lines}}}\n")


if __name__ == "__main__":
    main()
