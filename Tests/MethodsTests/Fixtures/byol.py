"""Writes byol.safetensors and byol.json: BYOL's loss (arXiv 2006.07733, Eq. 2, both directions) and its predictor.

Run:       python Tests/MethodsTests/Fixtures/byol.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; stored as float32 (losses as numbers in the .json).

The loss is that of lightly's NegativeCosineSimilarity, l(p, z) = −mean cos(p, z), as the paper scales it:
‖p̄ − z̄‖² = 2 + 2 l(p, z), summed over both directions.

byol.safetensors, float32, CASE of byol.json:
    CASE/prediction.V, CASE/target.V   [N, D]  of view V, raw
    CASE/gradient.V                    [N, D]  d loss / d prediction
    predictor/PARAMETER                        of lightly's BYOLPredictionHead(6, 10, 4), weights and BatchNorm's buffers before
    predictor/input [7, 6], predictor/output [7, 4]    in training
byol.json: CASE → {"images": N, "dimension": D, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import NegativeCosineSimilarity
from lightly.models.modules import BYOLPredictionHead
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, scale in [(1, 4, 1.0), (3, 5, 1.0), (16, 32, 1.0), (6, 8, 1e4)]:
        name = f"images-{images}-{dimension}"
        predictions = [pattern(f"byol.{name}.prediction.{v}", [images, dimension], scale) for v in range(2)]
        targets = [pattern(f"byol.{name}.target.{v}", [images, dimension], scale) for v in range(2)]
        leaves = [p.double().requires_grad_() for p in predictions]
        similarity = NegativeCosineSimilarity()
        loss = sum(2 + 2 * similarity(leaves[v], targets[1 - v].double()) for v in range(2))
        loss.backward()
        for v in range(2):
            tensors[f"{name}/prediction.{v}"], tensors[f"{name}/target.{v}"] = predictions[v], targets[v]
            tensors[f"{name}/gradient.{v}"] = leaves[v].grad.float()
        index[name] = {"images": images, "dimension": dimension, "loss": loss.item()}
    head = BYOLPredictionHead(6, 10, 4)
    for key, value in head.state_dict().items():
        if value.dtype.is_floating_point and "running" not in key:
            value.copy_(pattern(f"byol.predictor.{key}", list(value.shape)))
        tensors[f"predictor/{key}"] = value.clone()
    tensors["predictor/input"] = pattern("byol.predictor.input", [7, 6])
    tensors["predictor/output"] = head(tensors["predictor/input"]).detach()
    save_file(tensors, HERE / "byol.safetensors", metadata={"generator": "byol.py", "torch": torch.__version__})
    (HERE / "byol.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
