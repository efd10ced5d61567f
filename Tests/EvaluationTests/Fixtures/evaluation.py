"""Writes evaluation.safetensors and evaluation.json: kNN and linear evaluation of fixed features.

Run:       python Tests/EvaluationTests/Fixtures/evaluation.py
Versions:  torch 2.11.0, scikit-learn (cross-check of the neighbors), numpy 2.4.6, safetensors 0.8.0
Seed:      none; every value comes from Scripts/fixtures/pattern.py
Precision: float64 on float32 features, stored as float32

Features are class centers plus noise, classes interleaved in the rows, one row's norm a little different from the
next one's, so that cosine and Euclidean neighbors differ.

evaluation.safetensors:
    train.features [350, 32], test.features [140, 32]   float32, not normalized
    train.labels [350], test.labels [140]               int64, 0…6

kNN: cosine similarity, k = 20, vote of a neighbor exp(similarity / 0.1), class score = sum of its votes; classes by
descending score, equal scores (absent classes) by ascending class index.
    knn.predicted [140]   int64   best class        knn.scores [140, 7]  float32 class scores divided by their sum

Linear: features standardized by the train split's mean and population standard deviation (divided by n, not n − 1);
weight [7, 32] and bias [7] start at 0; cross-entropy, mean over the batch; SGD, momentum 0.9 (PyTorch's: v ← μ v + g),
no weight decay; batches of 50, 7 an epoch, 10 epochs, 70 steps; learning rate of step t = 0…69
0.1 · ½ (1 + cos(π t / 70)).
    linear.order [10, 350] int64   train rows in the order each epoch takes them
    linear.mean [32], linear.standard_deviation [32], linear.losses [70], linear.weight [7, 32], linear.bias [7],
    linear.logits [140, 7]         float32, after the last step
evaluation.json: {"knn": {"top1", "top5"}, "linear": {"top1", "top5"}}, fractions of the 140 test rows.
"""

import json
import math
import sys
from pathlib import Path

import torch
from safetensors.torch import save_file
from sklearn.neighbors import KNeighborsClassifier
from torch.nn import functional

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2] / "Scripts" / "fixtures"))
from pattern import pattern  # noqa: E402

CLASSES, DIMENSION, TRAIN, TEST = 7, 32, 350, 140
NEIGHBORS, TEMPERATURE = 20, 0.1
EPOCHS, BATCH = 10, 50


def split(name: str, rows: int) -> tuple[torch.Tensor, torch.Tensor]:
    labels = torch.arange(rows) % CLASSES
    centers = pattern("evaluation.centres", [CLASSES, DIMENSION], 0.5)
    noise = pattern(f"evaluation.{name}.noise", [rows, DIMENSION], 1.3)
    norms = pattern(f"evaluation.{name}.norms", [rows, 1], 0.4, 1.0)
    # A common offset and unequal scales, as features after a ReLU have them: standardizing matters.
    offset = pattern("evaluation.offset", [DIMENSION], 0.25, 0.25)
    scales = pattern("evaluation.scales", [DIMENSION], 0.8, 1.0)
    return (centers[labels] + noise + offset) * scales * norms, labels


def top(scores: torch.Tensor, labels: torch.Tensor, k: int) -> float:
    order = scores.sort(dim=1, descending=True, stable=True).indices
    return (order[:, :k] == labels[:, None]).any(1).double().mean().item()


def nearest_neighbors(train, train_labels, test) -> torch.Tensor:
    similarity = functional.normalize(test.double(), dim=1) @ functional.normalize(train.double(), dim=1).T
    best = similarity.topk(NEIGHBORS + 1, dim=1)
    gap = (best.values[:, NEIGHBORS - 1] - best.values[:, NEIGHBORS]).min().item()
    votes = (best.values[:, :NEIGHBORS] / TEMPERATURE).exp()
    scores = torch.zeros(len(test), CLASSES, dtype=torch.float64)
    scores.scatter_add_(1, train_labels[best.indices[:, :NEIGHBORS]], votes)
    scores /= scores.sum(1, keepdim=True)
    two = scores.topk(2, dim=1).values
    lead = (two[:, 0] - two[:, 1]).min().item()
    print(f"kNN: the 20th neighbor leads the 21st by at least {gap:.1e}, the best class the second by {lead:.1e}")
    assert gap > 1e-6 and lead > 1e-4, "the features leave a decision to rounding: change them"
    # scikit-learn ranks cosine distance = 1 − similarity.
    peer = KNeighborsClassifier(NEIGHBORS, metric="cosine")
    peer.weights = lambda distance: torch.exp((1 - torch.from_numpy(distance)) / TEMPERATURE).numpy()
    peer.fit(train.double().numpy(), train_labels.numpy())
    off = (torch.from_numpy(peer.predict_proba(test.double().numpy())) - scores).abs().max().item()
    assert off < 1e-9, off
    return scores


def linear(train, train_labels, test, order, dtype) -> dict[str, torch.Tensor]:
    train, test = train.to(dtype), test.to(dtype)
    mean, deviation = train.mean(0), train.std(0, correction=0)
    train, test = (train - mean) / deviation, (test - mean) / deviation
    weight = torch.zeros(CLASSES, DIMENSION, dtype=dtype, requires_grad=True)
    bias = torch.zeros(CLASSES, dtype=dtype, requires_grad=True)
    optimizer = torch.optim.SGD([weight, bias], lr=0.1, momentum=0.9)
    batches = [rows for epoch in order for rows in epoch.split(BATCH)]
    losses = []
    for step, rows in enumerate(batches):
        optimizer.param_groups[0]["lr"] = 0.1 * 0.5 * (1 + math.cos(math.pi * step / len(batches)))
        optimizer.zero_grad()
        loss = functional.cross_entropy(functional.linear(train[rows], weight, bias), train_labels[rows])
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return {
        "mean": mean, "standard_deviation": deviation, "losses": torch.stack(losses), "weight": weight.detach(),
        "bias": bias.detach(), "logits": functional.linear(test, weight, bias).detach(),
    }  # fmt: skip


def main() -> None:
    train, train_labels = split("train", TRAIN)
    test, test_labels = split("test", TEST)
    scores = nearest_neighbors(train, train_labels, test)
    order = pattern("evaluation.order", [EPOCHS, TRAIN]).argsort(dim=1, stable=True)
    exact = linear(train, train_labels, test, order, torch.float64)
    rounded = linear(train, train_labels, test, order, torch.float32)
    off = max((exact[k] - rounded[k].double()).abs().max().item() for k in exact)
    best = exact["logits"].topk(2, dim=1).values
    print(f"linear: float32 off by {off:.1e}, best class leads by at least {(best[:, 0] - best[:, 1]).min():.1e}")
    tensors = {"train.features": train, "train.labels": train_labels, "test.features": test}
    tensors |= {"test.labels": test_labels, "knn.predicted": scores.argmax(1), "knn.scores": scores.float()}
    tensors |= {"linear.order": order} | {f"linear.{k}": v.float() for k, v in exact.items()}
    metadata = {"generator": "evaluation.py", "torch": torch.__version__}
    save_file({k: v.contiguous() for k, v in tensors.items()}, HERE / "evaluation.safetensors", metadata=metadata)
    accuracy = {
        kind: {f"top{k}": top(s, test_labels, k) for k in (1, 5)}
        for kind, s in (("knn", scores), ("linear", exact["logits"]))
    }
    (HERE / "evaluation.json").write_text(json.dumps(accuracy, indent=1) + "\n")
    print(accuracy, "zero class scores:", int((scores == 0).sum()))


if __name__ == "__main__":
    main()
