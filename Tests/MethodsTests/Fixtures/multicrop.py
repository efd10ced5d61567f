"""Writes multicrop.safetensors and multicrop.json: NT-Xent over the global and local views of multi-crop.

Run:       python Tests/MethodsTests/Fixtures/multicrop.py
Versions:  torch 2.11.0, lightly 1.6.0, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 inputs, gradients written out by hand (ntxent.py) and checked against automatic
           differentiation of lightly's NTXentLoss; gradients stored as float32.

The loss is the mean, over the pairs of a global view and another view, of the NT-Xent of the two: local views are
compared with global ones only (SwAV, arXiv 2006.09882, section 3.2). Each pair counts once.

multicrop.safetensors, float32: CASE/view.V [N, D] raw projections; CASE/TEMPERATURE/gradient.V [N, D].
multicrop.json: CASE → {"views": V, "global_views": G, "losses": {TEMPERATURE: loss}}.
"""

import json
from pathlib import Path

import torch
from lightly.loss import NTXentLoss
from ntxent import pattern, written_out
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
CASES = {"two": (2, 2, 5, 4), "one-local": (3, 2, 4, 8), "six-local": (8, 2, 7, 16), "three-global": (5, 3, 3, 6)}


def main() -> None:
    tensors, index = {}, {}
    for name, (count, global_count, images, dimension) in CASES.items():
        shared = pattern(f"multicrop.{name}.shared", [images, dimension])
        views = [shared + pattern(f"multicrop.{name}.{v}", [images, dimension], 0.5) for v in range(count)]
        pairs = [(g, v) for g in range(global_count) for v in range(g + 1, count)]
        losses = {}
        for temperature in (0.1, 0.5):
            total, gradients = 0.0, [torch.zeros(images, dimension, dtype=torch.float64) for _ in views]
            for g, v in pairs:
                loss, gradient = written_out(views[g], views[v], temperature)
                total += loss / len(pairs)
                gradients[g] += gradient[:images] / len(pairs)
                gradients[v] += gradient[images:] / len(pairs)
            leaves = [view.double().requires_grad_() for view in views]
            peer = sum(NTXentLoss(temperature=temperature)(leaves[g], leaves[v]) for g, v in pairs) / len(pairs)
            peer.backward()
            off = max((leaf.grad - gradient).abs().max().item() for leaf, gradient in zip(leaves, gradients))
            assert off < 1e-10 and abs(peer.item() - total) < 1e-10, (name, temperature, off, peer.item(), total)
            losses[str(temperature)] = total
            for v, gradient in enumerate(gradients):
                tensors[f"{name}/{temperature}/gradient.{v}"] = gradient.float().contiguous()
        tensors |= {f"{name}/view.{v}": view.clone() for v, view in enumerate(views)}
        index[name] = {"views": count, "global_views": global_count, "losses": losses}
        print(f"{name:12} {len(pairs)} pairs:", losses)
    save_file(tensors, HERE / "multicrop.safetensors", metadata={"generator": "multicrop.py", "torch": torch.__version__})
    (HERE / "multicrop.json").write_text(json.dumps(index, indent=1) + "\n")


if __name__ == "__main__":
    main()
