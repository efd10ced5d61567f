"""Writes ntxent.safetensors and ntxent.json: NT-Xent (arXiv 2002.05709, Eq. 1), its value and gradients.

Run:       python Tests/MethodsTests/Fixtures/ntxent.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs, gradients written out by hand and checked against automatic differentiation of
           lightly's NTXentLoss; stored as float32 (loss values as numbers in the .json).

With z the 2N rows of first and second, ẑ = z / max(‖z‖, 1e-12), s = ẑ ẑᵀ / τ without its diagonal and p(i) the other
view of row i:  loss = 1/2N Σᵢ (logsumexpₖ≠ᵢ s(i, k) − s(i, p(i))).

ntxent.safetensors, float32:
    CASE/first, CASE/second                            [N, D]  raw projections (not normalized)
    CASE/TEMPERATURE/gradient.first, gradient.second   [N, D]  d loss / d raw projection
ntxent.json: CASE → {"pairs": N, "dimension": D, "losses": {TEMPERATURE: loss}}; temperatures "0.05" "0.1" "0.5" "1.0".

Cases: `pairs-N-D` ordinary values; `bfloat16` values that bfloat16 holds exactly; `identical` all 2N rows the same
(loss log(2N−1), gradient 0); `aligned` both views the same; `opposed` second = −first (the largest loss there is);
`huge` norms near 1e4, `tiny` norms near 1e-6, `mixed` both in one batch: cosine ignores norms, gradients scale with
1 / norm; `zero-row` first[1] = 0: its similarities are 0, and its own gradient is that of ẑ / 1e-12 (as PyTorch's
normalize has it), which is finite but means nothing, so compare the other rows; `single-pair` N = 1: loss 0, gradient 0.
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import NTXentLoss
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

TEMPERATURES = [0.05, 0.1, 0.5, 1.0]
EPSILON = 1e-12


def views(name: str, pairs: int, dimension: int, scale: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Two related views: a shared part plus half as much of their own."""
    shared = pattern(f"ntxent.{name}.shared", [pairs, dimension], scale)
    own = [pattern(f"ntxent.{name}.{view}", [pairs, dimension], scale / 2) for view in ("first", "second")]
    return shared + own[0], shared + own[1]


def cases() -> dict[str, tuple[torch.Tensor, torch.Tensor]]:
    result = {f"pairs-{n}-{d}": views(f"{n}-{d}", n, d) for n, d in [(2, 4), (3, 5), (8, 16), (33, 32)]}
    result["bfloat16"] = tuple(v.bfloat16().float() for v in views("bfloat16", 8, 16))
    row = pattern("ntxent.identical", [1, 8]).repeat(4, 1)
    result["identical"] = (row, row.clone())
    first, second = views("extreme", 6, 8)
    result["aligned"] = (first, first.clone())
    result["opposed"] = (first, -first)
    result["huge"] = tuple(v * 1e4 for v in (first, second))
    result["tiny"] = tuple(v * 1e-6 for v in (first, second))
    scales = torch.tensor([1e4, 1e-6, 1, 1e4, 1e-6, 1]).reshape(6, 1)
    result["mixed"] = (first * scales, second * scales.flip(0))
    zero = first.clone()
    zero[1] = 0
    result["zero-row"] = (zero, second)
    result["single-pair"] = views("single", 1, 4)
    return result


def written_out(first: torch.Tensor, second: torch.Tensor, temperature: float) -> tuple[float, torch.Tensor]:
    """Loss and gradient for the 2N raw rows, in float64, without automatic differentiation."""
    z = torch.cat([first, second]).double()
    rows = z.shape[0]
    norm = z.norm(dim=1, keepdim=True)
    unit = z / norm.clamp_min(EPSILON)
    logits = unit @ unit.T / temperature
    logits.fill_diagonal_(-torch.inf)
    positive = (torch.arange(rows) + rows // 2) % rows
    loss = (logits.logsumexp(1) - logits[torch.arange(rows), positive]).mean()
    # d loss / d s(i, k) = (softmax(i, k) − [k = p(i)]) / 2N, and s(i, k) depends on rows i and k alike.
    slope = logits.softmax(1)
    slope[torch.arange(rows), positive] -= 1
    unit_gradient = (slope + slope.T) @ unit / (temperature * rows)
    # Normalizing takes the radial part away; below epsilon it is a plain division.
    radial = (unit_gradient * unit).sum(1, keepdim=True) * unit
    gradient = (unit_gradient - torch.where(norm >= EPSILON, radial, 0)) / norm.clamp_min(EPSILON)
    return loss.item(), gradient


def main() -> None:
    tensors, index = {}, {}
    for name, (first, second) in cases().items():
        tensors[f"{name}/first"], tensors[f"{name}/second"] = first.clone(), second.clone()
        losses, worst = {}, [0.0, 0.0]
        for temperature in TEMPERATURES:
            loss, gradient = written_out(first, second, temperature)
            for which, dtype in enumerate((torch.float64, torch.float32)):
                a, b = (view.to(dtype, copy=True).requires_grad_() for view in (first, second))
                peer = NTXentLoss(temperature=temperature)(a, b)
                peer.backward()
                peer_gradient = torch.cat([a.grad, b.grad]).double()
                # Relative to a row's own size, but no finer than rounding of the terms that cancel in it.
                rows = torch.cat([first, second]).double().norm(dim=1, keepdim=True).clamp_min(EPSILON)
                size = (gradient.norm(dim=1, keepdim=True) * rows).max().clamp_min(1e-3)
                off = ((peer_gradient - gradient) * rows).abs().max() / size
                worst[which] = max(worst[which], off.item(), abs(peer.item() - loss) / max(loss, 1e-3))
            assert worst[0] < 1e-10, (name, temperature, worst)
            losses[str(temperature)] = loss
            stored = gradient.float()
            assert stored.isfinite().all()
            pairs = first.shape[0]
            tensors[f"{name}/{temperature}/gradient.first"] = stored[:pairs].contiguous()
            tensors[f"{name}/{temperature}/gradient.second"] = stored[pairs:].contiguous()
        index[name] = {"pairs": first.shape[0], "dimension": first.shape[1], "losses": losses}
        print(f"{name:12} lightly off by {worst[0]:.1e} in float64, {worst[1]:.1e} in float32;", losses)
    save_file(tensors, HERE / "ntxent.safetensors", metadata={"generator": "ntxent.py", "torch": torch.__version__})
    (HERE / "ntxent.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
