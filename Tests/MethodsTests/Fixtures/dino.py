"""Writes dino.safetensors and dino.json: DINO's loss and center (arXiv 2104.14294, Eq. 3 and 4), and its head.

Run:       python Tests/MethodsTests/Fixtures/dino.py
Versions:  torch 2.11.0, lightly 1.6.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs; gradients, centers and the head's numbers stored as float32, losses as numbers in the .json.

The loss is written out as the paper's algorithm 1 with multi-crop and compared with lightly's DINOLoss, which is printed; they do
not differ, but that lightly's center is the mean of one process's images.

dino.safetensors, CASE of dino.json; inputs are the patterns "dino.CASE.…" (student.V [N, K] of V views, teacher.V [N, K] of two,
center [K] scaled by 0.3):
    CASE/gradient.V [N, K]    d loss / d student.V
    CASE/center [K]           the center after the step, at a momentum of 0.9
    head/PARAMETER            of lightly's DINOProjectionHead(6, 10, 4, 8, batch_norm=True), less the length of the last layer
    head/output [7, 8]        for the pattern "dino.head.input" [7, 6], in training
dino.json: CASE → {"images": N, "outputs": K, "views": V, "teacher_temperature": τ, "loss": number}
"""

import json
import sys
from pathlib import Path

import torch
from lightly.loss import DINOLoss
from lightly.models.modules import DINOProjectionHead
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

STUDENT_TEMPERATURE, CENTER_MOMENTUM = 0.1, 0.9


def dino(student: list, teacher: list, center: torch.Tensor, temperature: float) -> torch.Tensor:
    terms = []
    for assigned, own in enumerate(teacher):
        target = torch.softmax((own - center) / temperature, dim=1)
        for predicting, other in enumerate(student):
            if predicting != assigned:
                prediction = torch.softmax(other / STUDENT_TEMPERATURE, dim=1)
                terms.append(-(target * prediction.log()).sum(dim=1).mean())
    return torch.stack(terms).mean()


def main() -> None:
    tensors, index = {}, {}
    for images, outputs, views, temperature in [(12, 5, 2, 0.04), (12, 16, 4, 0.07)]:
        case = f"{images}x{outputs}x{views}"
        student = [pattern(f"dino.{case}.student.{v}", [images, outputs]).double() for v in range(views)]
        teacher = [pattern(f"dino.{case}.teacher.{v}", [images, outputs]).double() for v in range(2)]
        center = pattern(f"dino.{case}.center", [outputs], 0.3).double()
        for leaf in student:
            leaf.requires_grad_()
        loss = dino(student, teacher, center, temperature)
        loss.backward()
        for v, leaf in enumerate(student):
            tensors[f"{case}/gradient.{v}"] = leaf.grad.float()
        mean = torch.cat(teacher).mean(dim=0)
        after = CENTER_MOMENTUM * center + (1 - CENTER_MOMENTUM) * mean
        tensors[f"{case}/center"] = after.float()
        index[case] = {"images": images, "outputs": outputs, "views": views}
        index[case] |= {"teacher_temperature": temperature, "loss": loss.item()}
        peer = DINOLoss(outputs, teacher_temp=temperature, student_temp=STUDENT_TEMPERATURE)
        peer.center = center.reshape(1, 1, -1).clone()
        off = abs(peer(teacher, student).item() / loss.item() - 1)
        print(case, loss.item(), f"lightly's off by {off:.1e}, center by {(peer.center - after).abs().max():.1e}")
    head = DINOProjectionHead(6, 10, 4, 8, batch_norm=True)
    for key, value in head.state_dict().items():
        if value.dtype.is_floating_point and "running" not in key and not key.endswith("weight_g"):
            value.copy_(pattern(f"dino.head.{key}", list(value.shape)))
        if not key.endswith("weight_g"):
            tensors[f"head/{key}"] = value.clone()
    tensors["head/output"] = head(pattern("dino.head.input", [7, 6])).detach()
    save_file(tensors, HERE / "dino.safetensors", metadata={"generator": "dino.py", "torch": torch.__version__})
    (HERE / "dino.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
