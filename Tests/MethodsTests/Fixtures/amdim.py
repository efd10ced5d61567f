"""Writes amdim.safetensors and amdim.json: AMDIM's loss (arXiv 1906.00910, section 3), its value and gradients.

Run:       python Tests/MethodsTests/Fixtures/amdim.py
Versions:  torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

Written out from the paper's Eq. 3 to 6 and section 3.5: scores by the root of the dimension, bent into ±c, and 0.04 times the
mean of squared scores of every pair of depths and direction. The paper draws for each image a position of the last map as a source;
here it is one for all. Neither lightly nor solo-learn has this loss.

amdim.safetensors, CASE of amdim.json; inputs are the patterns "amdim.CASE.DEPTH.V" for both views V, DEPTH global [N, D], deep
[N, P, D] and shallow [N, Q, D], scaled by 3:
    CASE/gradient.DEPTH.V    d loss / d input
amdim.json: CASE → {"images": N, "dimension": D, "deep": P, "shallow": Q, "step": the position of the source, "clip": c, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

PENALTY = 0.04


def pair(sources: torch.Tensor, targets: torch.Tensor, clip: float) -> torch.Tensor:
    """From sources [N, D] to targets [N, P, D]."""
    raw = torch.einsum("nd,mpd->nmp", sources, targets) / sources.shape[1] ** 0.5
    scores = clip * torch.tanh(raw / clip)
    losses = []
    for image in range(len(sources)):
        others = torch.cat([scores[image, :image], scores[image, image + 1 :]]).flatten()
        for position in range(targets.shape[1]):
            own = scores[image, image, position]
            losses.append(torch.logsumexp(torch.cat([own[None], others]), dim=0) - own)
    return torch.stack(losses).mean() + PENALTY * raw.square().mean()


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, deep, shallow, step, clip in [(12, 5, 4, 9, 2, 10.0), (12, 8, 1, 4, 0, 2.0)]:
        case = f"{images}x{dimension}x{deep}x{shallow}"
        shapes = {"global": [images, dimension], "deep": [images, deep, dimension], "shallow": [images, shallow, dimension]}
        found = [
            {d: pattern(f"amdim.{case}.{d}.{v}", s, 3.0).double().requires_grad_() for d, s in shapes.items()}
            for v in range(2)
        ]
        loss = torch.zeros((), dtype=torch.float64)
        for one, other in [found, found[::-1]]:
            loss = loss + pair(one["global"], other["deep"], clip) / 2
            loss = loss + pair(one["global"], other["shallow"], clip) / 2
            loss = loss + pair(one["deep"][:, step], other["deep"], clip) / 2
        loss.backward()
        for v, depths in enumerate(found):
            for depth, leaf in depths.items():
                tensors[f"{case}/gradient.{depth}.{v}"] = leaf.grad.float()
        index[case] = {"images": images, "dimension": dimension, "deep": deep, "shallow": shallow}
        index[case] |= {"step": step, "clip": clip, "loss": loss.item()}
    save_file(tensors, HERE / "amdim.safetensors", metadata={"generator": "amdim.py"})
    (HERE / "amdim.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
