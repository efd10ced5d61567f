"""Writes prediction.safetensors and prediction.json: the losses of SimSiam, MoCo v3 and NNCLR, values and gradients.

Run:       python Tests/MethodsTests/Fixtures/prediction.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

All have predictions of both views and what is predicted, without gradient; rows are made of length 1.
simsiam  (arXiv 2011.10566, Eq. 2)        ½ (D(p₁, z₂) + D(p₂, z₁)), D the mean negative cosine: lightly's NegativeCosineSimilarity.
moco_v3  (arXiv 2104.02057, algorithm 1)  ctr(q₁, k₂) + ctr(q₂, k₁), ctr(q, k) = 2τ cross-entropy of q kᵀ/τ at the own image.
                                          lightly 1.6 has no such loss: its NTXentLoss has the other queries among the negatives.
nnclr    (arXiv 2104.14548, algorithm 1)  ½ (L(n₁, p₂) + L(n₂, p₁)), L(n, p) the cross-entropy of n pᵀ/τ at the own image, n the
                                          row of the queue that is nearest to z. lightly puts n and p into its NTXentLoss, which
                                          contrasts neighbors with neighbors, too; the paper does not.

prediction.safetensors, CASE "IMAGESxDIMENSION":
    CASE/prediction.V, CASE/predicted.V [N, D]    of view V, raw
    CASE/queue [K, D]                             rows of any length: queues are made of length 1
    CASE/METHOD/gradient.V [N, D]                 d loss / d prediction
prediction.json: CASE → METHOD → loss; τ = 0.2
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import NegativeCosineSimilarity
from safetensors.torch import save_file
from torch.nn.functional import cross_entropy, normalize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

TEMPERATURE = 0.2


def own(rows: torch.Tensor, columns: torch.Tensor) -> torch.Tensor:
    """Cross-entropy of similarities at the row's own column."""
    return cross_entropy(normalize(rows) @ normalize(columns).T / TEMPERATURE, torch.arange(len(rows)))


def simsiam(p: list, z: list, queue: torch.Tensor) -> torch.Tensor:
    distance = NegativeCosineSimilarity()
    return (distance(p[0], z[1]) + distance(p[1], z[0])) / 2


def moco_v3(q: list, k: list, queue: torch.Tensor) -> torch.Tensor:
    return 2 * TEMPERATURE * (own(q[0], k[1]) + own(q[1], k[0]))


def nnclr(p: list, z: list, queue: torch.Tensor) -> torch.Tensor:
    queue = normalize(queue)
    neighbors = [queue[(normalize(view) @ queue.T).argmax(1)] for view in z]
    return (own(neighbors[0], p[1]) + own(neighbors[1], p[0])) / 2


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, length in [(12, 5, 24), (24, 8, 48)]:
        case = f"{images}x{dimension}"
        shared = pattern(f"prediction.{case}.shared", [images, dimension])

        def both(name: str) -> list:
            return [shared + pattern(f"prediction.{case}.{name}.{v}", [images, dimension], 0.5) for v in range(2)]

        predictions, predicted = both("prediction"), both("predicted")
        queue = pattern(f"prediction.{case}.queue", [length, dimension])
        tensors[f"{case}/queue"] = queue
        for v in range(2):
            tensors |= {f"{case}/prediction.{v}": predictions[v], f"{case}/predicted.{v}": predicted[v]}
        index[case] = {}
        for loss_function in (simsiam, moco_v3, nnclr):
            name = loss_function.__name__
            leaves = [view.double().requires_grad_() for view in predictions]
            loss = loss_function(leaves, [view.double() for view in predicted], queue.double())
            loss.backward()
            index[case][name] = loss.item()
            for v in range(2):
                tensors[f"{case}/{name}/gradient.{v}"] = leaves[v].grad.float()
        print(case, index[case])
    save_file(tensors, HERE / "prediction.safetensors", metadata={"generator": "prediction.py"})
    (HERE / "prediction.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
