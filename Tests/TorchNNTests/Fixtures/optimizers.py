"""Writes optimizers.safetensors and optimizers.json: 20 steps of every optimizer on given gradients.

Run:       python Tests/TorchNNTests/Fixtures/optimizers.py
Versions:  torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: torch.optim in float32; LARS is written out below, in float64 and stored as float32. The script prints how
           far each float32 run lies from its own float64 run.

Parameters: `conv.weight` [4, 3, 3, 3], `bn.weight` [4], `bn.bias` [4], `fc.weight` [6, 5], `fc.bias` [6],
`zero.weight` [3, 2]. Starting values pattern("parameter." + name, shape, scale 0.5), plus offset 1 for bn.weight;
zero.weight starts at 0 (LARS: ‖w‖ = 0, trust ratio 1).
Gradients at step s = 1…20: pattern("gradient.NAME.s", shape, scale 1), except that fc.weight's is 0 at step 3
(LARS without decay: ‖g‖ = 0, trust ratio 1).
Learning rates at step s: "learning_rate" of the .json times "schedule"[s − 1], a linear warm-up over 5 steps, then
cosine; rates are set before the step.

optimizers.json: "parameters": [[name, shape]], "schedule": 20 numbers, "optimizers": CASE → hyperparameters.
"excluded": true means that weight decay (and LARS's adaptation) leaves out bn.weight, bn.bias and fc.bias.
optimizers.safetensors, float32: CASE/STEP/NAME with STEP 1, 5, 20: the parameter after that many steps.

LARS (arXiv 1708.03888 in the form of the SimCLR authors' code, momentum over the scaled update):
    g ← g + λ w;   r = η ‖w‖ / ‖g‖ where both norms are positive, else 1;   v ← μ v + r·lr·g;   w ← w − v
Excluded parameters have λ = 0 and r = 1.
"""

import json
import math
from pathlib import Path
import sys

import torch
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

STEPS = 20
STORED = (1, 5, 20)
SHAPES = {
    "conv.weight": [4, 3, 3, 3],
    "bn.weight": [4],
    "bn.bias": [4],
    "fc.weight": [6, 5],
    "fc.bias": [6],
    "zero.weight": [3, 2],
}
SCHEDULE = [(s / 5) if s <= 5 else 0.5 * (1 + math.cos(math.pi * (s - 5) / 16)) for s in range(1, STEPS + 1)]

SGD = {"learning_rate": 0.1, "momentum": 0.0, "nesterov": False, "weight_decay": 0.0, "excluded": False}
ADAM = {"learning_rate": 1e-2, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "weight_decay": 0.0, "excluded": False}
LARS = {"learning_rate": 0.3, "momentum": 0.9, "weight_decay": 1e-2, "trust_coefficient": 1e-3,
        "excluded": True}  # fmt: skip
CASES = {
    "sgd": SGD,
    "sgd-decay": SGD | {"weight_decay": 0.01},
    "sgd-momentum": SGD | {"momentum": 0.9},
    "sgd-momentum-decay": SGD | {"momentum": 0.9, "weight_decay": 5e-4},
    "sgd-nesterov": SGD | {"momentum": 0.9, "nesterov": True},
    "sgd-nesterov-decay": SGD | {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
    "sgd-nesterov-decay-excluded": SGD | {"momentum": 0.9, "nesterov": True, "weight_decay": 0.01, "excluded": True},
    "adam": ADAM,
    "adam-decay": ADAM | {"weight_decay": 0.05, "beta1": 0.8, "beta2": 0.95, "epsilon": 1e-6},
    "adamw": ADAM | {"weight_decay": 0.01},
    "adamw-excluded": ADAM | {"weight_decay": 0.5, "excluded": True},
    "lars": LARS,
    "lars-no-decay": LARS | {"weight_decay": 0.0},
    "lars-strong": LARS | {"trust_coefficient": 0.1},
    "lars-no-momentum": LARS | {"momentum": 0.0},
}


def is_excluded(name: str) -> bool:
    return len(SHAPES[name]) == 1


def start(name: str) -> torch.Tensor:
    scale = 0.0 if name == "zero.weight" else 0.5
    return pattern(f"parameter.{name}", SHAPES[name], scale, 1.0 if name == "bn.weight" else 0.0)


def gradient(name: str, step: int) -> torch.Tensor:
    scale = 0.0 if name == "fc.weight" and step == 3 else 1.0
    return pattern(f"gradient.{name}.{step}", SHAPES[name], scale)


class WrittenOutLARS:
    def __init__(self, groups, lr, momentum, trust_coefficient):
        self.param_groups = [dict(group, lr=lr) for group in groups]
        self.momentum, self.trust_coefficient = momentum, trust_coefficient
        self.velocity = {}

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for w in group["params"]:
                g, ratio = w.grad, 1.0
                if group["adapted"]:
                    g = g + group["weight_decay"] * w
                    w_norm, g_norm = w.norm().item(), g.norm().item()
                    if w_norm > 0 and g_norm > 0:
                        ratio = self.trust_coefficient * w_norm / g_norm
                scaled = ratio * group["lr"] * g
                v = self.momentum * self.velocity.get(id(w), torch.zeros_like(w)) + scaled
                self.velocity[id(w)] = v
                w -= v


def make(case: str, h: dict, parameters: dict[str, torch.Tensor]):
    left_out = [p for n, p in parameters.items() if h["excluded"] and is_excluded(n)]
    rest = [p for n, p in parameters.items() if not (h["excluded"] and is_excluded(n))]
    groups = [
        {"params": params, "weight_decay": decay, "adapted": adapted}
        for params, decay, adapted in [(rest, h["weight_decay"], True), (left_out, 0.0, False)]
        if params
    ]
    if case.startswith("sgd"):
        return torch.optim.SGD(groups, lr=1.0, momentum=h["momentum"], nesterov=h["nesterov"])
    if case.startswith("adam"):
        kind = torch.optim.AdamW if case.startswith("adamw") else torch.optim.Adam
        return kind(groups, lr=1.0, betas=(h["beta1"], h["beta2"]), eps=h["epsilon"])
    return WrittenOutLARS(groups, 1.0, h["momentum"], h["trust_coefficient"])


def trajectory(case: str, dtype: torch.dtype) -> dict[str, torch.Tensor]:
    h = CASES[case]
    parameters = {name: start(name).to(dtype).requires_grad_() for name in SHAPES}
    optimizer = make(case, h, parameters)
    stored = {}
    for step in range(1, STEPS + 1):
        for name, parameter in parameters.items():
            parameter.grad = gradient(name, step).to(dtype)
        for group in optimizer.param_groups:
            group["lr"] = h["learning_rate"] * SCHEDULE[step - 1]
        optimizer.step()
        if step in STORED:
            stored |= {f"{case}/{step}/{name}": p.detach().clone() for name, p in parameters.items()}
    return stored


def main() -> None:
    tensors = {}
    for case in CASES:
        exact, rounded = trajectory(case, torch.float64), trajectory(case, torch.float32)
        off = max((exact[key] - rounded[key].double()).abs().max().item() for key in exact)
        moved = max((exact[f"{case}/20/{n}"] - start(n)).abs().max().item() for n in SHAPES)
        print(f"{case:28} float32 off by {off:.1e}; parameters moved by up to {moved:.2g}")
        tensors |= {k: v.float() for k, v in (exact if case.startswith("lars") else rounded).items()}
    save_file(tensors, HERE / "optimizers.safetensors", metadata={"generator": "optimizers.py", "torch": torch.__version__})
    index = {"parameters": list(SHAPES.items()), "schedule": SCHEDULE, "optimizers": CASES}
    (HERE / "optimizers.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
