"""Writes resnets.safetensors and resnets.json: torchvision's residual networks on pattern weights.

Run:       python Tests/EncodersTests/Fixtures/resnets.py
Versions:  torch 2.11.0, torchvision 0.26.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: the network runs in float64 on the float32 pattern values, so the numbers do not depend on the machine;
           results are stored as float32. The script prints how far torch's own float32 lies from them.

Values, by the name that torchvision gives a parameter or buffer (`KEY` is the key below, e.g. resnet18):
    convolution weight     pattern("KEY." + name, shape, scale √(6 / fan_in)), fan_in = product of shape[1...]
    BatchNorm weight       pattern(…, scale 0.05, offset 0.25) where the name ends in bn2.weight or bn3.weight, else
                           pattern(…, scale 0.2, offset 1): residual branches add little to what they branch from,
                           else a small batch's rounding errors grow from block to block past any use
    BatchNorm bias         pattern(…, scale 1), which leaves few activations near the ReLU's corner
    running_mean           pattern(…, scale 0.1)
    running_var            pattern(…, scale 0.2, offset 1)
    input                  pattern("KEY.input", shape, scale 1)
Order: one evaluation-mode forward, then one training-mode forward and the backward of
loss = sum(output * pattern("KEY.cotangent", shape of output, scale 1)).

resnets.safetensors, float32:
    KEY/evaluation   [2, F]   features after global average pooling, evaluation mode, running statistics as above
    KEY/training     [2, F]   the same in training mode
    KEY/gradients    [P, 17]  a row for each parameter in torchvision's order: L2 norm, then 16 elements at the flat
                              indices ⌊k·count/16⌋
    KEY/statistics   [B, 17]  the same for running_mean and running_var after the training-mode forward
resnets.json: KEY → {"input": shape, "parameters": [[name, shape]], "buffers": [[name, shape]]}, torchvision's order;
rows of `gradients` follow "parameters"; rows of `statistics` follow "buffers" less num_batches_tracked (which is 1).
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torchvision.models.resnet import BasicBlock, Bottleneck, ResNet

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern, summary  # noqa: E402

DEPTHS = {
    18: (BasicBlock, [2, 2, 2, 2]),
    34: (BasicBlock, [3, 4, 6, 3]),
    50: (Bottleneck, [3, 4, 6, 3]),
    101: (Bottleneck, [3, 4, 23, 3]),
    152: (Bottleneck, [3, 8, 36, 3]),
}
# key: (depth, width multiplier, CIFAR stem, input side in pixels)
NETWORKS = {f"resnet{depth}": (depth, 1, False, 64) for depth in DEPTHS} | {
    "resnet18-cifar-quarter": (18, 0.25, True, 32),
    "resnet50-cifar-quarter": (50, 0.25, True, 32),
    "resnet50-double": (50, 2, False, 64),
}


class ScaledResNet(ResNet):
    """torchvision's ResNet with every number of planes multiplied, the stem's included; no classifier."""

    def __init__(self, depth: int, width: float, cifar: bool):
        self.multiplier = width
        block, layers = DEPTHS[depth]
        super().__init__(block, layers)
        planes = int(64 * width)
        if cifar:
            self.conv1 = nn.Conv2d(3, planes, 3, stride=1, padding=1, bias=False)
            self.maxpool = nn.Identity()
        else:
            self.conv1 = nn.Conv2d(3, planes, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.fc = nn.Identity()

    def _make_layer(self, block, planes, blocks, stride=1, dilate=False):
        if stride == 1:
            self.inplanes = int(64 * self.multiplier)
        return super()._make_layer(block, int(planes * self.multiplier), blocks, stride, dilate)


def fill(network: nn.Module, key: str) -> None:
    with torch.no_grad():
        for name, tensor in list(network.named_parameters()) + list(network.named_buffers()):
            if tensor.dim() == 4:
                scale, offset = math.sqrt(6 / math.prod(tensor.shape[1:])), 0.0
            elif name.endswith("running_var"):
                scale, offset = 0.2, 1.0
            elif name.endswith(("bn2.weight", "bn3.weight")):
                scale, offset = 0.05, 0.25
            elif name.endswith("weight"):
                scale, offset = 0.2, 1.0
            elif name.endswith("bias"):
                scale, offset = 1.0, 0.0
            elif name.endswith("running_mean"):
                scale, offset = 0.1, 0.0
            else:
                continue
            tensor.copy_(pattern(f"{key}.{name}", tensor.shape, scale, offset))


def results(key: str, dtype: torch.dtype) -> tuple[ScaledResNet, dict[str, torch.Tensor]]:
    depth, width, cifar, side = NETWORKS[key]
    network = ScaledResNet(depth, width, cifar)
    if width == 1 and not cifar:
        plain = ResNet(*DEPTHS[depth])
        plain.fc = nn.Identity()
        assert [(n, p.shape) for n, p in plain.state_dict().items()] == [
            (n, p.shape) for n, p in network.state_dict().items()
        ]
    fill(network, key)
    network.to(dtype)
    images = pattern(f"{key}.input", [2, 3, side, side]).to(dtype)
    with torch.no_grad():
        evaluation = network.eval()(images)
    training = network.train()(images)
    (training * pattern(f"{key}.cotangent", training.shape).to(dtype)).sum().backward()
    return network, {
        "evaluation": evaluation,
        "training": training.detach(),
        "gradients": torch.stack([summary(p.grad) for p in network.parameters()]),
        "statistics": torch.stack([summary(b) for n, b in network.named_buffers() if b.is_floating_point()]),
    }


def main() -> None:
    tensors, names = {}, {}
    for key, (_, _, _, side) in NETWORKS.items():
        network, exact = results(key, torch.float64)
        _, rounded = results(key, torch.float32)
        # Gradient elements are measured in units of their parameter's root mean square, features of the largest of
        # them. A few elements are far off: a rounding error that flips one ReLU takes a whole position's gradient away.
        sizes = torch.tensor([p.numel() for p in network.parameters()])
        gradient_rms = exact["gradients"][:, 0] / sizes.sqrt()
        off = (rounded["gradients"] - exact["gradients"]).abs()
        elements = off[:, 1:] / gradient_rms[:, None]
        print(
            f"{key:24} float32 off by: "
            + ", ".join(
                f"{k} {(rounded[k].double() - exact[k]).abs().max() / exact[k].abs().max():.1e}"
                for k in ("evaluation", "training", "statistics")
            )
            + f", gradient norms {(off[:, 0] / exact['gradients'][:, 0]).max():.1e}"
            + f", elements {elements.max():.1e} of the rms (99 of 100: {elements.flatten().quantile(0.99):.1e})"
            + f"; |features| ≤ {exact['evaluation'].abs().max():.2f}, {exact['training'].abs().max():.2f}"
            + f", gradient rms {gradient_rms.min():.1e}…{gradient_rms.max():.1e}",
            flush=True,
        )
        for k, tensor in exact.items():
            assert tensor.isfinite().all()
            tensors[f"{key}/{k}"] = tensor.float().contiguous()
        names[key] = {
            "input": [2, 3, side, side],
            "parameters": [[n, list(p.shape)] for n, p in network.named_parameters()],
            "buffers": [[n, list(b.shape)] for n, b in network.named_buffers()],
        }
    save_file(tensors, HERE / "resnets.safetensors", metadata={"generator": "resnets.py", "torch": torch.__version__})
    (HERE / "resnets.json").write_text(json.dumps(names, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
