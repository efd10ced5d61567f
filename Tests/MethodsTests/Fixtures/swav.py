"""Writes swav.safetensors and swav.json: SwAV's loss (arXiv 2006.09882, Eq. 2 and 6), its value and gradients.

Run:       python Tests/MethodsTests/Fixtures/swav.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

Codes and loss are written out as the paper has them (section 3.1 and the authors' pseudocode in appendix A) and compared with
lightly's SwaVLoss, which is printed; they do not differ. With several processes lightly shares out the images of all of
them only with sinkhorn_gather_distributed.

swav.safetensors, CASE of swav.json; inputs are the patterns "swav.CASE.…" (projection.V [N, D], prototypes [K, D] and, with a
queue, queue.V [L, D] of both global views), which are made of length 1:
    CASE/gradient.V [N, K]    d loss / d (cosines of view V's projections with the prototypes)
swav.json: CASE → {"images": N, "dimension": D, "prototypes": K, "views": V, "queue": L, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import SwaVLoss
from safetensors.torch import save_file
from torch.nn.functional import normalize

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

TEMPERATURE, EPSILON, ITERATIONS = 0.1, 0.05, 3


def codes(scores: torch.Tensor) -> torch.Tensor:
    """Q of Eq. 4 for scores [B, K]: prototypes get 1 / K each, images 1 / B; then rows are scaled to 1."""
    images, prototypes = scores.shape
    q = torch.exp(scores.T / EPSILON)
    q = q / q.sum()
    for _ in range(ITERATIONS):
        q = q / q.sum(dim=1, keepdim=True) / prototypes
        q = q / q.sum(dim=0, keepdim=True) / images
    return (q * images).T


def swav(scores: list[torch.Tensor], queue_scores: list[torch.Tensor]) -> torch.Tensor:
    loss = torch.zeros((), dtype=torch.float64)
    for assigned in range(2):
        with torch.no_grad():
            together = torch.cat([scores[assigned], *queue_scores[assigned : assigned + 1]])
            q = codes(together)[: len(scores[assigned])]
        for predicting, own in enumerate(scores):
            if predicting != assigned:
                p = torch.softmax(own / TEMPERATURE, dim=1)
                loss = loss - (q * p.log()).sum(dim=1).mean()
    return loss / (2 * (len(scores) - 1))


def main() -> None:
    tensors, index = {}, {}
    for images, dimension, prototypes, views, queue in [(12, 5, 7, 2, 0), (12, 8, 16, 4, 0), (12, 6, 20, 3, 24)]:
        case = f"{images}x{dimension}x{prototypes}x{views}x{queue}"

        def unit(name: str, rows: int) -> torch.Tensor:
            return normalize(pattern(f"swav.{case}.{name}", [rows, dimension]).double())

        weights = unit("prototypes", prototypes)
        leaves = [(unit(f"projection.{v}", images) @ weights.T).requires_grad_() for v in range(views)]
        earlier = [unit(f"queue.{v}", queue) @ weights.T for v in range(2)] if queue else []
        loss = swav(leaves, earlier)
        loss.backward()
        for v, leaf in enumerate(leaves):
            tensors[f"{case}/gradient.{v}"] = leaf.grad.float()
        index[case] = {"images": images, "dimension": dimension, "prototypes": prototypes, "views": views}
        index[case] |= {"queue": queue, "loss": loss.item()}
        peer = SwaVLoss(TEMPERATURE, ITERATIONS, EPSILON)(leaves[:2], leaves[2:], earlier or None).item()
        print(case, loss.item(), f"lightly's off by {abs(peer / loss.item() - 1):.1e}")
    save_file(tensors, HERE / "swav.safetensors", metadata={"generator": "swav.py", "torch": torch.__version__})
    (HERE / "swav.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
