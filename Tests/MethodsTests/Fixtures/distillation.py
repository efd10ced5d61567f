"""Writes distillation.safetensors and distillation.json: the loss of a regression of a teacher's features.

Run:       python Tests/MethodsTests/Fixtures/distillation.py
Versions:  torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients stored as float32, losses as numbers in the .json.

Written out as SimReg has it (arXiv 2201.05131, section 3): the squared distance of vectors of length 1. That paper has two views;
local views are ours, and so is their rule, the mean over all global views of the teacher. Neither lightly nor solo-learn has
this loss.

distillation.safetensors, CASE of distillation.json; inputs are the patterns "distillation.CASE.…" (student.V [N, F] of V views,
teacher.V [N, F] of two):
    CASE/gradient.V [N, F]    d loss / d student.V
distillation.json: CASE → {"images": N, "features": F, "views": V, "loss": number}
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


def distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    return (normalize(student) - normalize(teacher)).square().sum(dim=1).mean()


def main() -> None:
    tensors, index = {}, {}
    for images, features, views in [(12, 5, 2), (12, 16, 4)]:
        case = f"{images}x{features}x{views}"
        student = [pattern(f"distillation.{case}.student.{v}", [images, features]).double() for v in range(views)]
        teacher = [pattern(f"distillation.{case}.teacher.{v}", [images, features]).double() for v in range(2)]
        for leaf in student:
            leaf.requires_grad_()
        terms = [distance(student[v], teacher[v]) for v in range(2)]
        terms += [(distance(own, teacher[0]) + distance(own, teacher[1])) / 2 for own in student[2:]]
        loss = torch.stack(terms).mean()
        loss.backward()
        for v, leaf in enumerate(student):
            tensors[f"{case}/gradient.{v}"] = leaf.grad.float()
        index[case] = {"images": images, "features": features, "views": views, "loss": loss.item()}
    save_file(tensors, HERE / "distillation.safetensors", metadata={"generator": "distillation.py"})
    (HERE / "distillation.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
