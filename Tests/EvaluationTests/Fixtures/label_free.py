"""Writes label_free.json: RankMe, LiDAR, alignment and uniformity by their papers' formulas, in float64.

Run:       python Tests/EvaluationTests/Fixtures/label_free.py
Versions:  torch 2.11.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py

Features [60, 16]: four strong directions and a little noise. Views [6, 40, 16]: features of images plus noise of each view.
RankMe: singular values; LiDAR: matrices and their roots written out, delta 1e-4; alignment: mean |x - y|^2 of the first two views
of length 1; uniformity: log of the mean of exp(-2 |x - y|^2) over pairs, by torch.pdist, of the first and of the second views.
"""

import json
import sys
from pathlib import Path

import torch
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def entropy_rank(values: torch.Tensor) -> float:
    shares = values / values.sum() + 1e-7
    return float((-(shares * shares.log()).sum()).exp())


def root(matrix: torch.Tensor) -> torch.Tensor:
    values, vectors = torch.linalg.eigh(matrix)
    return vectors @ torch.diag(values.rsqrt()) @ vectors.T


def main() -> None:
    mix = pattern("label_free.mix", [4, 16], 1.0)
    features = pattern("label_free.images", [60, 4], 1.0) @ mix + pattern("label_free.noise", [60, 16], 0.1)
    views = features[None, :40] + pattern("label_free.views", [6, 40, 16], 0.3)
    features, views = features.double(), views.double()
    means = views.mean(0)
    between = sum(torch.outer(m, m) for m in means - means.mean(0)) / len(means)
    within = sum(torch.outer(v, v) for v in (views - means).reshape(-1, 16)) / (views.shape[0] * views.shape[1])
    whitening = root(within + 1e-4 * torch.eye(16))
    one, other = (functional.normalize(views[k], dim=1) for k in (0, 1))
    result = {
        "rank_me": entropy_rank(torch.linalg.svdvals(features)),
        "lidar": entropy_rank(torch.linalg.eigvalsh(whitening @ between @ whitening)),
        "alignment": float((one - other).norm(dim=1).pow(2).mean()),
        "uniformity": float(sum(torch.pdist(x).pow(2).mul(-2).exp().mean().log() for x in (one, other)) / 2),
    }
    (HERE / "label_free.json").write_text(json.dumps(result, indent=1) + "\n")
    print(result)


if __name__ == "__main__":
    main()
