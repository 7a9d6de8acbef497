"""What is measured of a classifier's logits: accuracy, per class, confusion, calibration. No data, no files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

BINS = 15


def expected_calibration_error(probabilities: Tensor, labels: Tensor, bins: int = BINS) -> float:
    """Mean gap between confidence and accuracy over equally wide bins of confidence, weighted by their counts.

    ``probabilities``: float [N, K], ``labels``: int64 [N]; 0 is perfect, 1 the worst. Guo et al., 2017, equation 3.
    """
    confidence, answers = probabilities.max(dim=1)
    return calibration_error(confidence, answers == labels, bins)


def calibration_error(confidence: Tensor, right: Tensor, bins: int = BINS) -> float:
    """The same of answers given with ``confidence``, float [N], that were ``right`` or not, bool [N]: where more than
    one class is right, or the answer is not the likeliest class.
    """
    _, confident, accurate = _binned(confidence, right, bins)
    return float((confident - accurate).abs().sum() / len(right))


def reliability(confidence: Tensor, right: Tensor, bins: int = BINS) -> dict[str, list[Any]]:
    """What a reliability diagram shows (Guo et al., figure 1): of each of equally wide bins of confidence how many
    answers fell into it, ``n``, their mean ``confidence`` and the share of them that is right, ``accuracy``; None
    where there are none. Arguments as of ``calibration_error``.
    """
    counts, confident, accurate = _binned(confidence, right, bins)

    def means(sums: Tensor) -> list[float | None]:
        return [round(float(one / n), 4) if n else None for one, n in zip(sums, counts, strict=True)]

    return {"n": counts.long().tolist(), "confidence": means(confident), "accuracy": means(accurate)}


def _binned(confidence: Tensor, right: Tensor, bins: int) -> list[Tensor]:
    """Of each bin of confidence the number of answers, the sum of their confidence, and how many are right: double."""
    which = (confidence * bins).long().clamp_(max=bins - 1)
    columns = torch.ones(len(right), dtype=torch.double), confidence.double(), right.double()
    return [torch.zeros(bins, dtype=torch.double).index_add_(0, which, column) for column in columns]


def auroc(own: Tensor, others: Tensor) -> float:
    """The chance that one of ``own`` scores higher than one of ``others``, ties half: the area under the ROC curve.

    Both float [N], [M], not empty. Mann and Whitney's U over N M; 0.5 is guessing.
    """
    scores = torch.cat([own, others]).double()
    _, inverse, counts = scores.unique(return_inverse=True, return_counts=True)
    ranks = (counts.cumsum(0) - (counts - 1) / 2)[inverse]  # the mean rank of equal scores
    above = ranks[: len(own)].sum() - len(own) * (len(own) + 1) / 2
    return float(above / (len(own) * len(others)))


def fit_temperature(logits: Tensor, labels: Tensor) -> float:
    """The temperature, 0.05 to 20, under which the labels are most likely: softmax(logits / temperature). Guo et
    al., section 4.2.

    ``logits``: float [N, K]; ``labels``: int64 [N]. The loss is convex in 1 / temperature, so a golden-section
    search finds it.
    """

    def loss(log_temperature: float) -> float:
        scaled = logits.double() / torch.tensor(log_temperature, dtype=torch.double).exp()
        return float(functional.cross_entropy(scaled, labels))

    low, high = -3.0, 3.0  # e^-3 = 0.05, e^3 = 20
    golden = (5**0.5 - 1) / 2
    for _ in range(40):
        left, right = high - golden * (high - low), low + golden * (high - low)
        low, high = (low, right) if loss(left) < loss(right) else (left, high)
    return round(float(torch.tensor((low + high) / 2).exp()), 4)


def confusion(answers: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How often a picture of class i was answered j: int64 [classes, classes]. Both int64 [N]."""
    return torch.bincount(labels * classes + answers, minlength=classes * classes).view(classes, classes)


def mistakes(answers: Tensor, labels: Tensor, places: Tensor) -> list[list[int]]:
    """Each wrong answer as [place, answer]: ``places`` tells where in the whole set a picture stands. All int64 [N]."""
    wrong = answers != labels
    return torch.stack([places[wrong], answers[wrong]], dim=1).tolist()


def report(logits: Tensor, labels: Tensor, temperature: float, classes: Sequence[str]) -> dict[str, Any]:
    """Accuracies as fractions, that of a class None where no picture is of it; the confusion matrix (rows: true class,
    columns: answer); and the calibration. JSON-able.

    ``logits``: float32 [N, 10], not divided by the temperature; ``labels``: int64 [N].
    """
    answers = logits.argmax(dim=1)
    matrix = confusion(answers, labels, len(classes))
    of_class = matrix.sum(dim=1)
    per_class = [round(float(right / n), 4) if n else None for right, n in zip(matrix.diag(), of_class, strict=True)]
    calibrated = functional.softmax(logits / temperature, dim=1)
    return {
        "accuracy": round(float((answers == labels).double().mean()), 6),
        "n": len(labels),
        "per_class": dict(zip(classes, per_class, strict=True)),
        "confusion": matrix.tolist(),
        "temperature": temperature,
        "ece": round(expected_calibration_error(calibrated, labels), 5),
        "ece_at_temperature_1": round(expected_calibration_error(functional.softmax(logits, dim=1), labels), 5),
        "nll": round(float(functional.cross_entropy(logits / temperature, labels)), 5),
        "reliability": reliability(calibrated.max(dim=1).values, answers == labels),
    }
