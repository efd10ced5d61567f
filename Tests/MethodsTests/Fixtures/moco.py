"""Writes moco.safetensors and moco.json: MoCo's loss with a queue (arXiv 1911.05722, Eq. 1), its value and gradient.

Run:       python Tests/MethodsTests/Fixtures/moco.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; the gradient stored as float32, the loss as a number in the .json.

The loss is lightly's NTXentLoss with a memory bank that holds the queue.

moco.safetensors, CASE "IMAGESxDIMENSIONxQUEUE":
    CASE/query, CASE/key [N, D]    of the first and of the second view, raw
    CASE/queue [K, D]              rows of any length: queues are made of length 1
    CASE/gradient [N, D]           d loss / d query
moco.json: CASE → {"temperature": τ, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import NTXentLoss
from safetensors.torch import save_file
from torch.nn.functional import normalize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, queue, temperature in [(6, 5, 12, 0.2), (12, 16, 24, 0.07), (12, 8, 12, 1.0)]:
        case = f"{images}x{dimension}x{queue}"
        query, key = (pattern(f"moco.{case}.{name}", [images, dimension]) for name in ("query", "key"))
        kept = pattern(f"moco.{case}.queue", [queue, dimension])
        loss_function = NTXentLoss(temperature=temperature, memory_bank_size=(queue, dimension))
        loss_function.memory_bank.bank = normalize(kept.double())
        leaf = query.double().requires_grad_()
        loss = loss_function(leaf, key.double())
        loss.backward()
        tensors |= {f"{case}/query": query, f"{case}/key": key, f"{case}/queue": kept}
        tensors[f"{case}/gradient"] = leaf.grad.float()
        index[case] = {"temperature": temperature, "loss": loss.item()}
    save_file(tensors, HERE / "moco.safetensors", metadata={"generator": "moco.py", "torch": torch.__version__})
    (HERE / "moco.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
