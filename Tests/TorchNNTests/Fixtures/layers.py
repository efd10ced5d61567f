"""Writes layers.safetensors, layers.json and initializers.json.

Run:       python Tests/TorchNNTests/Fixtures/layers.py
Versions:  torch 2.11.0, torchvision 0.26.0, numpy 2.4.6, safetensors 0.8.0
Seed:      0 for the observed standard deviations of initializers.json; layers use Scripts/fixtures/pattern.py
Precision: float64 on float32 pattern values, stored as float32

Values of layer CASE: input pattern("CASE.input", shape, scale 1); weight and bias pattern("CASE.weight" / "CASE.bias",
shape, scale 0.5), weight plus offset 1 for BatchNorm; running_mean pattern(…, scale 0.5), running_var pattern(…,
scale 0.5, offset 1). Gradients are those of sum(output * pattern("CASE.cotangent", shape of output, scale 1)).

layers.safetensors, float32: CASE/output, CASE/gradient.input, CASE/gradient.weight, CASE/gradient.bias (where there is
one) and for BatchNorm in training mode CASE/running_mean and CASE/running_var after the forward. Max pooling's input
has no equal values in a window, so its gradient is unambiguous.
layers.json: CASE → {"kind", "input": shape, …the layer's arguments…}.

initializers.json: network → [[name, shape, rule, number, observed standard deviation]] for torchvision's defaults;
rule "normal" with number = standard deviation (kaiming, fan out, ReLU: √(2 / (out · k²))), "constant" with number =
value, or "uniform" with number = bound (kaiming with a = √5, which is 1 / √fan_in, for Linear's weight and bias).
"""

import json
import math
import sys
from pathlib import Path

import torch
import torchvision
from safetensors.torch import save_file
from torch import nn

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def conv(input_shape, **arguments):
    return {"kind": "conv2d", "input": input_shape} | {
        "in_channels": input_shape[1], "stride": 1, "padding": 0, "bias": False} | arguments  # fmt: skip


CASES = {
    "conv-1x1": conv([2, 6, 5, 5], out_channels=4, kernel_size=1),
    "conv-1x1-stride": conv([2, 6, 5, 5], out_channels=4, kernel_size=1, stride=2),
    "conv-3x3": conv([2, 3, 6, 7], out_channels=5, kernel_size=3, padding=1),
    "conv-3x3-stride-bias": conv([2, 3, 6, 7], out_channels=5, kernel_size=3, stride=2, padding=1, bias=True),
    "conv-7x7-stem": conv([1, 3, 17, 16], out_channels=4, kernel_size=7, stride=2, padding=3),
    "batchnorm2d-train": {"kind": "batchnorm", "input": [4, 3, 5, 2], "training": True, "momentum": 0.1},
    "batchnorm2d-eval": {"kind": "batchnorm", "input": [4, 3, 5, 2], "training": False, "momentum": 0.1},
    "batchnorm2d-slow": {"kind": "batchnorm", "input": [2, 5, 3, 3], "training": True, "momentum": 0.01},
    "batchnorm1d-train": {"kind": "batchnorm", "input": [8, 6], "training": True, "momentum": 0.1},
    "batchnorm1d-eval": {"kind": "batchnorm", "input": [8, 6], "training": False, "momentum": 0.1},
    "linear": {"kind": "linear", "input": [5, 7], "in_features": 7, "out_features": 3, "bias": True},
    "linear-no-bias": {"kind": "linear", "input": [5, 7], "in_features": 7, "out_features": 3, "bias": False},
    "relu": {"kind": "relu", "input": [3, 11]},
    "max-pool": {"kind": "max_pool", "input": [2, 3, 8, 9], "kernel_size": 3, "stride": 2, "padding": 1},
    "max-pool-2": {"kind": "max_pool", "input": [2, 3, 8, 9], "kernel_size": 2, "stride": 2, "padding": 0},
    "average-pool": {"kind": "adaptive_average_pool", "input": [2, 3, 4, 5], "output_size": 1},
}


def make(case: dict) -> nn.Module:
    kind, shape = case["kind"], case["input"]
    if kind == "conv2d":
        return nn.Conv2d(
            case["in_channels"], case["out_channels"], case["kernel_size"], case["stride"], case["padding"],
            bias=case["bias"])  # fmt: skip
    if kind == "batchnorm":
        module = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(shape[1], momentum=case["momentum"])
        return module.train(case["training"])
    if kind == "linear":
        return nn.Linear(case["in_features"], case["out_features"], bias=case["bias"])
    if kind == "relu":
        return nn.ReLU()
    if kind == "max_pool":
        return nn.MaxPool2d(case["kernel_size"], case["stride"], case["padding"])
    return nn.AdaptiveAvgPool2d(case["output_size"])


def results(name: str, case: dict, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    module = make(case)
    with torch.no_grad():
        for key, parameter in module.named_parameters():
            offset = 1.0 if case["kind"] == "batchnorm" and key == "weight" else 0.0
            parameter.copy_(pattern(f"{name}.{key}", parameter.shape, 0.5, offset))
        for key, buffer in module.named_buffers():
            if buffer.is_floating_point():
                buffer.copy_(pattern(f"{name}.{key}", buffer.shape, 0.5, 1.0 if key == "running_var" else 0.0))
    module.to(dtype)
    x = pattern(f"{name}.input", case["input"]).to(dtype, copy=True).requires_grad_()
    output = module(x)
    (output * pattern(f"{name}.cotangent", output.shape).to(dtype)).sum().backward()
    stored = {"output": output.detach(), "gradient.input": x.grad}
    stored |= {f"gradient.{key}": p.grad for key, p in module.named_parameters()}
    if case.get("training"):
        stored |= {"running_mean": module.running_mean, "running_var": module.running_var}
    return stored


def initializers() -> dict[str, list]:
    result = {}
    for depth in (18, 50):
        torch.manual_seed(0)
        network = getattr(torchvision.models, f"resnet{depth}")()
        rows = []
        for name, p in network.named_parameters():
            observed = p.double().std(correction=0).item()
            if p.dim() == 4:
                expected = math.sqrt(2 / (p.shape[0] * p.shape[2] * p.shape[3]))
                assert abs(observed / expected - 1) < 5 / math.sqrt(2 * p.numel()), name
                rows.append([name, list(p.shape), "normal", expected, observed])
            elif name.startswith("fc"):
                bound = 1 / math.sqrt(network.fc.in_features)
                assert p.abs().max() <= bound and p.abs().max() > 0.99 * bound, name
                rows.append([name, list(p.shape), "uniform", bound, observed])
            else:
                value = 1.0 if name.endswith("weight") else 0.0
                assert (p == value).all(), name
                rows.append([name, list(p.shape), "constant", value, observed])
        result[f"resnet{depth}"] = rows
    return result


def main() -> None:
    tensors = {}
    for name, case in CASES.items():
        exact, rounded = results(name, case, torch.float64), results(name, case, torch.float32)
        off = max((exact[k] - rounded[k].double()).abs().max().item() for k in exact)
        largest = max(t.abs().max().item() for t in exact.values())
        print(f"{name:22} float32 off by {off:.1e}; values to {largest:.2g}")
        tensors |= {f"{name}/{k}": t.detach().float().contiguous() for k, t in exact.items()}
    save_file(tensors, HERE / "layers.safetensors", metadata={"generator": "layers.py", "torch": torch.__version__})
    (HERE / "layers.json").write_text(json.dumps(CASES, separators=(",", ":")).replace("},", "},\n") + "\n")
    rows = json.dumps(initializers(), separators=(",", ":")).replace("],[", "],\n[")
    (HERE / "initializers.json").write_text(rows + "\n")


if __name__ == "__main__":
    main()
