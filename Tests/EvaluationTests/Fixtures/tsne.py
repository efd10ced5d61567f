"""Writes tsne.json: affinities, divergences and a gradient of t-SNE, by openTSNE and in plain float64.

Run:       python Tests/EvaluationTests/Fixtures/tsne.py
Versions:  openTSNE 1.0.4, scikit-learn 1.9.1, torch 2.11.0, numpy 2.4.6
Seed:      none; every value comes from Scripts/fixtures/pattern.py, and openTSNE starts from principal components

Features [N, 12]: seven centers plus noise, of class i % 7, in float32.
affinities: of the first 200, with perplexity 15: the columns and values of row 3, and Σ p log p over all pairs.
divergence: after 100 steps with exaggeration 12 and 200 without, perplexity 30: of the first 600 by Barnes and Hut's
    approximation of repulsion, of all 2,400 by interpolation.
components: the shares of variance of the first three principal components of the first 600, by scikit-learn.
gradient: of the divergence of 40 points on a plane from the affinities of the first 40 (perplexity 5), by autograd.
"""

import json
import sys
from pathlib import Path

import numpy
import openTSNE
import torch
from openTSNE.affinity import PerplexityBasedNN
from sklearn.decomposition import PCA

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402


def features(count: int) -> numpy.ndarray:
    centers = pattern("tsne.centers", [7, 12], 2.0)
    noise = pattern("tsne.noise", [2400, 12], 1.0)
    return (centers[torch.arange(2400) % 7] + noise)[:count].numpy()


def affinities(points: numpy.ndarray, perplexity: float):
    return PerplexityBasedNN(points, perplexity, method="exact").P.tocsr()


def divergence(points: numpy.ndarray, method: str) -> float:
    embedding = openTSNE.TSNE(
        perplexity=30, neighbors="exact", negative_gradient_method=method, initialization="pca",
        early_exaggeration_iter=100, n_iter=200, random_state=0,
    ).fit(points)  # fmt: skip
    return float(embedding.kl_divergence)


def gradient() -> list[list[float]]:
    p = torch.from_numpy(affinities(features(40), 5).toarray())
    points = pattern("tsne.plane", [40, 2], 3.0).double().requires_grad_()
    q = 1 / (1 + torch.cdist(points, points).pow(2))
    q = q * (1 - torch.eye(40))
    kept = p > 0
    loss = (p[kept] * (p[kept] / (q / q.sum())[kept]).log()).sum()
    loss.backward()
    return points.grad.tolist()


def main() -> None:
    p = affinities(features(200), 15)
    row = p[3]
    result = {
        "affinities": {
            "columns": sorted(row.indices.tolist()), "values": row.data[row.indices.argsort()].tolist(),
            "entropy": float((p.data * numpy.log(p.data)).sum()),
        },
        "divergence": {"600": divergence(features(600), "bh"), "2400": divergence(features(2400), "fft")},
        "components": PCA(3).fit(features(600).astype(numpy.float64)).explained_variance_ratio_.tolist(),
        "gradient": gradient(),
    }  # fmt: skip
    (HERE / "tsne.json").write_text(json.dumps(result) + "\n")
    print(result["divergence"], result["components"])


if __name__ == "__main__":
    main()
