"""Writes decoupled.safetensors and decoupled.json: DCL and DCLW (arXiv 2110.06848, Eq. 5 and 6), values and gradients.

Run:       python Tests/MethodsTests/Fixtures/decoupled.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

With z the 2N unit rows of both views, p(i) the other view of row i and s = z zᵀ:
    loss = 1/2N Σᵢ (log Σ_{k ∉ {i, p(i)}} exp(s(i, k)/τ) − wᵢ s(i, p(i))/τ)
where w = 1 for DCL; for DCLW w = 2 − exp(s/σ) / mean exp(s/σ) of an image's two views, taken as a constant. The paper adds up the
losses where this is their mean. lightly's DCLLoss and DCLWLoss are compared with; they agree.

decoupled.safetensors, CASE "IMAGESxDIMENSION":
    CASE/first, CASE/second [N, D]    raw projections
    CASE/KIND/TEMPERATURE/gradient.first, gradient.second [N, D]
decoupled.json: CASE → KIND ("dcl", "dclw") → TEMPERATURE → loss; σ = 0.5
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import DCLLoss, DCLWLoss
from safetensors.torch import save_file
from torch.nn.functional import normalize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

SIGMA = 0.5


def decoupled(first: torch.Tensor, second: torch.Tensor, temperature: float, is_weighted: bool) -> torch.Tensor:
    z = normalize(torch.cat([first, second]))
    rows, images = torch.arange(len(z)), len(first)
    positive = (rows + images) % len(z)
    cosines = z @ z.T
    own = cosines[rows, positive]
    negatives = cosines / temperature
    negatives = negatives.masked_fill((rows[:, None] == rows) | (positive[:, None] == rows), -torch.inf)
    weights = torch.ones_like(own)
    if is_weighted:
        exponentials = (own.detach() / SIGMA).exp()
        weights = 2 - exponentials / exponentials.mean()
    return (negatives.logsumexp(1) - weights * own / temperature).mean()


def main() -> None:
    tensors, index = {}, {}
    for images, dimension in [(12, 5), (24, 8)]:
        case = f"{images}x{dimension}"
        shared = pattern(f"decoupled.{case}.shared", [images, dimension])
        views = [shared + pattern(f"decoupled.{case}.{v}", [images, dimension], 0.5) for v in range(2)]
        tensors |= {f"{case}/first": views[0], f"{case}/second": views[1]}
        index[case] = {}
        for kind in ("dcl", "dclw"):
            index[case][kind] = {}
            # 0.01 is too little for exponentials.
            for temperature in (0.5, 0.1, 0.01):
                leaves = [view.double().requires_grad_() for view in views]
                loss = decoupled(*leaves, temperature, kind == "dclw")
                loss.backward()
                peer = DCLLoss(temperature) if kind == "dcl" else DCLWLoss(temperature, SIGMA)
                off = abs(peer(*(view.double() for view in views)).item() / loss.item() - 1)
                print(case, kind, temperature, loss.item(), f"lightly off by {off:.1e}")
                assert off < 1e-10
                index[case][kind][str(temperature)] = loss.item()
                for key, leaf in zip(("first", "second"), leaves):
                    tensors[f"{case}/{kind}/{temperature}/gradient.{key}"] = leaf.grad.float()
    save_file(tensors, HERE / "decoupled.safetensors", metadata={"generator": "decoupled.py"})
    (HERE / "decoupled.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
