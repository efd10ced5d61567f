"""Writes decorrelation.safetensors and decorrelation.json: the losses of Barlow Twins and VICReg, and their gradients.

Run:       python Tests/MethodsTests/Fixtures/decorrelation.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

Barlow Twins is written out as its paper's algorithm 1, with BatchNorm1d(affine=False) for the normalization, and compared with
lightly's BarlowTwinsLoss; VICReg is lightly's VICRegLoss.

decorrelation.safetensors, CASE "IMAGESxDIMENSION":
    CASE/first, CASE/second [N, D]    embeddings of two views
    CASE/METHOD/gradient.first, gradient.second [N, D]
decorrelation.json: CASE → {"barlow_twins": loss, "vicreg": loss}
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import BarlowTwinsLoss, VICRegLoss
from safetensors.torch import save_file
from torch.nn.functional import batch_norm

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

REDUNDANCY_WEIGHT = 0.005


def barlow_twins(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    one, two = (batch_norm(view, None, None, training=True, eps=1e-5) for view in (first, second))
    correlation = one.T @ two / len(first)
    diagonal = torch.eye(len(correlation), dtype=torch.bool)
    on_diagonal = (1 - correlation[diagonal]).square().sum()
    return on_diagonal + REDUNDANCY_WEIGHT * correlation[~diagonal].square().sum()


def main() -> None:
    tensors, index = {}, {}
    for images, dimension in [(12, 5), (24, 16), (12, 40)]:
        case = f"{images}x{dimension}"
        shared = pattern(f"decorrelation.{case}.shared", [images, dimension])
        views = [shared + pattern(f"decorrelation.{case}.{v}", [images, dimension], 0.5) for v in range(2)]
        index[case] = {}
        for name, loss_function in [("barlow_twins", barlow_twins), ("vicreg", VICRegLoss())]:
            first, second = (view.double().requires_grad_() for view in views)
            loss = loss_function(first, second)
            loss.backward()
            index[case][name] = loss.item()
            for key, leaf in [("first", first), ("second", second)]:
                tensors[f"{case}/{key}"] = leaf.detach().float()
                tensors[f"{case}/{name}/gradient.{key}"] = leaf.grad.float()
        peer = BarlowTwinsLoss(REDUNDANCY_WEIGHT)(*(view.double() for view in views)).item()
        print(case, index[case], f"lightly's Barlow Twins off by {abs(peer / index[case]['barlow_twins'] - 1):.1e}")
    save_file(tensors, HERE / "decorrelation.safetensors", metadata={"generator": "decorrelation.py"})
    (HERE / "decorrelation.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
