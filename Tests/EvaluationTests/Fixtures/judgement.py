"""Writes judgement.json: logistic regression and what is said of a classifier's scores, by scikit-learn, scipy and torchmetrics.

Run:       python Tests/EvaluationTests/Fixtures/judgement.py
Versions:  scikit-learn 1.9.1, scipy 1.17.1, torchmetrics 1.9.0, torch 2.11.0, numpy 2.4.6, safetensors 0.8.0
Seed:      none; features and scores are those of evaluation.safetensors
Precision: float64

Features are standardized by the train split's mean and population standard deviation. For each regularization r:
LogisticRegression(C=1 / (r · 350)), weights and biases (less their mean over classes, which nothing depends on), rounded to
seven digits. "judged" has, of the votes of kNN and of the logistic regressions: accuracy, balanced accuracy, confusion matrix,
expected calibration error with 15 bins, and Wilson's interval of the accuracy.
"""

import json
from pathlib import Path

import numpy
import torch
from safetensors.numpy import load_file
from scipy.stats import binomtest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, top_k_accuracy_score
from torchmetrics.functional.classification import multiclass_calibration_error

HERE = Path(__file__).resolve().parent


def judged(probabilities: numpy.ndarray, labels: numpy.ndarray) -> dict:
    given = probabilities.argmax(1)
    right = int((given == labels).sum())
    interval = binomtest(right, len(labels)).proportion_ci(0.95, method="wilson")
    error = multiclass_calibration_error(
        torch.from_numpy(probabilities), torch.from_numpy(labels), num_classes=probabilities.shape[1], n_bins=15
    )
    return {
        "top1": 100 * right / len(labels),
        "top5": 100 * top_k_accuracy_score(labels, probabilities, k=5),
        "mean_per_class": 100 * balanced_accuracy_score(labels, given),
        "confusion_matrix": confusion_matrix(labels, given).tolist(),
        "expected_calibration_error": float(error),
        "interval": [100 * interval.low, 100 * interval.high],
    }


def main() -> None:
    tensors = load_file(HERE / "evaluation.safetensors")
    train, test = (tensors[f"{split}.features"].astype(numpy.float64) for split in ("train", "test"))
    mean, deviation = train.mean(0), train.std(0)
    train, test = (train - mean) / deviation, (test - mean) / deviation
    labels = tensors["test.labels"]
    result = {"judged": {"knn": judged(tensors["knn.scores"].astype(numpy.float64), labels)}, "logistic": {}}
    for regularization in (1e-1, 1e-3):
        model = LogisticRegression(C=1 / (regularization * len(train)), tol=1e-10, max_iter=100_000)
        model.fit(train, tensors["train.labels"])
        name = f"{regularization:g}"
        result["judged"][name] = judged(model.predict_proba(test), labels)
        result["logistic"][name] = {
            "weight": [[float(f"{x:.7g}") for x in row] for row in model.coef_],
            "bias": [float(f"{x:.7g}") for x in model.intercept_ - model.intercept_.mean()],
        }
    (HERE / "judgement.json").write_text(json.dumps(result) + "\n")
    print({name: (value["top1"], value["expected_calibration_error"]) for name, value in result["judged"].items()})


if __name__ == "__main__":
    main()
