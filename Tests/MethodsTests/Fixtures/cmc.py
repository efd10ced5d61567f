"""Writes cmc.safetensors and cmc.json: CMC's loss (arXiv 1906.05849, Eq. 3 and 5), its value and gradients.

Run:       python Tests/MethodsTests/Fixtures/cmc.py
Versions:  torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

Written out from the paper, with all other images of the batch as negatives; the authors' code draws them from a memory of features
of earlier epochs. Neither lightly nor solo-learn has this loss.

cmc.safetensors, CASE of cmc.json; inputs are the patterns "cmc.CASE.lightness.V" and "cmc.CASE.color.V" [N, D]:
    CASE/gradient.HALF.V [N, D]    d loss / d (projection of that half of view V)
cmc.json: CASE → {"images": N, "dimension": D, "views": V, "temperature": τ, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch.nn.functional import normalize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def one_way(sources: torch.Tensor, targets: torch.Tensor, temperature: float) -> torch.Tensor:
    scores = torch.exp(normalize(sources) @ normalize(targets).T / temperature)
    return -(scores.diagonal() / scores.sum(dim=1)).log().mean()


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, views, temperature in [(12, 5, 2, 0.07), (12, 16, 3, 0.5)]:
        case = f"{images}x{dimension}x{views}"
        halves = {
            half: [pattern(f"cmc.{case}.{half}.{v}", [images, dimension]).double().requires_grad_() for v in range(views)]
            for half in ("lightness", "color")
        }
        pairs = list(zip(halves["lightness"], halves["color"]))
        loss = sum(one_way(a, b, temperature) + one_way(b, a, temperature) for a, b in pairs) / views
        loss.backward()
        for half, leaves in halves.items():
            for v, leaf in enumerate(leaves):
                tensors[f"{case}/gradient.{half}.{v}"] = leaf.grad.float()
        index[case] = {"images": images, "dimension": dimension, "views": views}
        index[case] |= {"temperature": temperature, "loss": loss.item()}
    save_file(tensors, HERE / "cmc.safetensors", metadata={"generator": "cmc.py"})
    (HERE / "cmc.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
