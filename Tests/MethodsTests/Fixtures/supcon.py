"""Writes supcon.safetensors and supcon.json: the supervised contrastive loss (arXiv 2004.11362, Eq. 2), value and gradients.

Run:       python Tests/MethodsTests/Fixtures/supcon.py
Versions:  torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

With z the 2N unit rows of both views, s = z zᵀ / τ and P(i) all other rows of the class of row i:
    loss = 1/2N Σᵢ −1/|P(i)| Σ_{p ∈ P(i)} (s(i, p) − logsumexp_{k ≠ i} s(i, k))
The paper adds up the losses of rows where this is their mean; its authors' code takes the mean, too, and multiplies by τ / 0.07,
which is not in the paper. lightly 1.6 has no such loss.

supcon.safetensors, CASE "IMAGESxDIMENSION":
    CASE/first, CASE/second [N, D]    raw projections
    CASE/labels [N]                   int64
    CASE/gradient.first, gradient.second [N, D]
supcon.json: CASE → {"temperature": τ, "loss": number}
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


def supcon(first: torch.Tensor, second: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    z = normalize(torch.cat([first, second]))
    labels = torch.cat([labels, labels])
    total = 0
    for row in range(len(z)):
        others = torch.arange(len(z)) != row
        logits = z @ z[row] / temperature
        log_probabilities = logits - logits[others].logsumexp(0)
        total -= log_probabilities[others & (labels == labels[row])].mean()
    return total / len(z)


def main() -> None:
    tensors, index = {}, {}
    # Classes of several sizes, and one image alone in its class; all in one class.
    for images, dimension, temperature, classes in [(12, 5, 0.1, 4), (24, 8, 0.5, 7), (12, 4, 0.07, 1)]:
        case = f"{images}x{dimension}"
        shared = pattern(f"supcon.{case}.shared", [images, dimension])
        views = [shared + pattern(f"supcon.{case}.{v}", [images, dimension], 0.5) for v in range(2)]
        labels = torch.arange(images).square() % classes
        if classes > 1:
            labels[5] = classes
        leaves = [view.double().requires_grad_() for view in views]
        loss = supcon(*leaves, labels, temperature)
        loss.backward()
        tensors |= {f"{case}/first": views[0], f"{case}/second": views[1], f"{case}/labels": labels}
        for key, leaf in zip(("first", "second"), leaves):
            tensors[f"{case}/gradient.{key}"] = leaf.grad.float()
        index[case] = {"temperature": temperature, "loss": loss.item()}
        print(case, index[case], "labels", labels.tolist())
    save_file(tensors, HERE / "supcon.safetensors", metadata={"generator": "supcon.py"})
    (HERE / "supcon.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
