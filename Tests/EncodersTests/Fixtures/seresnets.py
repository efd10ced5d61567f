"""Writes seresnets.safetensors and seresnets.json: timm's squeeze-and-excitation networks on pattern weights.

Run:       python Tests/EncodersTests/Fixtures/seresnets.py
Versions:  timm 1.0.22, torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py

Values, order and files are those of resnets.py; timm's networks have no classifier (num_classes=0). Biases of the
excitation count as biases there: scale 1.
"""

import json
from pathlib import Path

import timm
import torch
from resnets import fill, pattern, summary
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
SIDE = 64


def main() -> None:
    tensors, names = {}, {}
    for key in ("seresnet50", "seresnet101"):
        network = timm.create_model(key, num_classes=0)
        fill(network, key)
        network.double()
        images = pattern(f"{key}.input", [2, 3, SIDE, SIDE]).double()
        with torch.no_grad():
            tensors[f"{key}/evaluation"] = network.eval()(images)
        training = network.train()(images)
        tensors[f"{key}/training"] = training.detach()
        (training * pattern(f"{key}.cotangent", training.shape).double()).sum().backward()
        tensors[f"{key}/gradients"] = torch.stack([summary(p.grad) for p in network.parameters()])
        tensors[f"{key}/statistics"] = torch.stack(
            [summary(b) for b in network.buffers() if b.is_floating_point()]
        )
        names[key] = {
            "input": [2, 3, SIDE, SIDE],
            "parameters": [[n, list(p.shape)] for n, p in network.named_parameters()],
            "buffers": [[n, list(b.shape)] for n, b in network.named_buffers()],
        }
    stored = {name: tensor.float().contiguous() for name, tensor in tensors.items()}
    assert all(tensor.isfinite().all() for tensor in stored.values())
    metadata = {"generator": "seresnets.py", "timm": timm.__version__, "torch": torch.__version__}
    save_file(stored, HERE / "seresnets.safetensors", metadata=metadata)
    (HERE / "seresnets.json").write_text(json.dumps(names, separators=(",", ":")).replace('},"', '},\n"') + "\n")


if __name__ == "__main__":
    main()
