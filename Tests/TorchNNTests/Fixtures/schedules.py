"""Writes schedules.json: the learning rate at every step.

Run:       python Tests/TorchNNTests/Fixtures/schedules.py
Versions:  Python 3.10 or later, torch 2.11.0 (cross-check only)
Seed:      none
Precision: float64

Warm-up and cosine as the SimCLR authors' code has them, for step t = 0, 1, … T−1, W warm-up steps and peak η:
    η(t) = η · t / W                                      t < W
    η(t) = η · ½ (1 + cos(π (t − W) / (T − W)))           t ≥ W
so the first step of a warm-up has rate 0, step W the peak, and the rate would reach 0 at step T.

schedules.json:
    "warm_up_cosine"   [{"peak", "warm_up_steps", "total_steps", "rates": [T numbers]}]
    "linear_scaling"   [{"base", "batch_size", "rate"}]   rate = base · B / 256
    "sqrt_scaling"     [{"base", "batch_size", "rate"}]   rate = base · √B
"""

import json
import math
from pathlib import Path

import torch

HERE = Path(__file__).resolve().parent
CURVES = [(0.3, 10, 100), (4.8, 0, 40), (1.0, 1, 10), (0.06, 0, 1), (2.4, 7, 8), (0.075, 20, 20)]
BATCH_SIZES = [1, 32, 256, 512, 1000, 4096, 8192]


def rate(step: int, peak: float, warm_up_steps: int, total_steps: int) -> float:
    if step < warm_up_steps:
        return peak * step / warm_up_steps
    return peak * 0.5 * (1 + math.cos(math.pi * (step - warm_up_steps) / (total_steps - warm_up_steps)))


def torch_rates(peak: float, warm_up_steps: int, total_steps: int) -> list[float]:
    """The same from torch.optim.lr_scheduler's own cosine, after its own linear ramp."""
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=peak)
    cosine = max(total_steps - warm_up_steps, 1)
    rates = [peak * step / warm_up_steps for step in range(warm_up_steps)]
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=cosine)
    for _ in range(warm_up_steps, total_steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        schedule.step()
    return rates


def main() -> None:
    curves = []
    for peak, warm_up, total in CURVES:
        rates = [rate(step, peak, warm_up, total) for step in range(total)]
        peer = torch_rates(peak, warm_up, total)
        off = max(abs(a - b) for a, b in zip(rates, peer, strict=True)) / peak
        assert off < 1e-12, off
        curves.append({"peak": peak, "warm_up_steps": warm_up, "total_steps": total, "rates": rates})
        print(f"peak {peak}, warm-up {warm_up} of {total}: torch's scheduler off by {off:.1e} of the peak")
    result = {
        "warm_up_cosine": curves,
        "linear_scaling": [{"base": 0.3, "batch_size": b, "rate": 0.3 * b / 256} for b in BATCH_SIZES],
        "sqrt_scaling": [{"base": 0.075, "batch_size": b, "rate": 0.075 * math.sqrt(b)} for b in BATCH_SIZES],
    }
    (HERE / "schedules.json").write_text(json.dumps(result, separators=(",", ":")).replace("},{", "},\n{") + "\n")


if __name__ == "__main__":
    main()
