"""Measures against values worked out by hand."""

import pytest
import torch
from torch.nn import functional

from models.evaluation import metrics


def test_calibration_error_is_the_gap_between_confidence_and_accuracy():
    probabilities = torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6], [0.4, 0.6]])
    labels = torch.tensor([0, 1, 1, 1])  # at 0.9 half are right, at 0.6 all
    assert metrics.expected_calibration_error(probabilities, labels) == pytest.approx(0.5 * 0.4 + 0.5 * 0.4)


def test_full_confidence_falls_into_the_last_bin():
    assert metrics.expected_calibration_error(torch.eye(3), torch.arange(3)) == 0


@pytest.mark.parametrize("true_temperature", [0.5, 1.0, 3.0])
def test_the_temperature_that_made_the_labels_is_found(true_temperature):
    generator = torch.Generator().manual_seed(0)
    logits = 3 * torch.randn(20_000, 10, generator=generator)
    labels = functional.softmax(logits, dim=1).multinomial(1, generator=generator).squeeze(1)
    assert metrics.fit_temperature(logits * true_temperature, labels) == pytest.approx(true_temperature, rel=0.05)


def test_reliability_gives_back_the_calibration_error():
    confidence, right = torch.tensor([0.05, 0.95, 0.9, 1.0]), torch.tensor([False, True, False, True])
    told = metrics.reliability(confidence, right, bins=10)
    assert told["n"] == [1, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert told["accuracy"] == [0, *[None] * 8, 0.6667]
    assert told["confidence"] == [0.05, *[None] * 8, 0.95]
    gaps = [n * abs(c - a) for n, c, a in zip(*told.values(), strict=True) if n]
    assert sum(gaps) / 4 == pytest.approx(metrics.calibration_error(confidence, right, bins=10), abs=1e-4)


def test_report_counts_each_class_and_each_mistake():
    labels = torch.tensor([0, 0, 1, 1])
    logits = torch.tensor([[4.0, 0, 0], [0, 4, 0], [0, 4, 0], [0, 4, 0]])
    report = metrics.report(logits, labels, 1.0, ["a", "b", "c"])
    assert report["accuracy"] == 0.75
    assert report["n"] == 4
    assert report["per_class"] == {"a": 0.5, "b": 1.0, "c": None}, "of the last there is no picture"
    assert report["confusion"] == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert report["ece"] == report["ece_at_temperature_1"]


@pytest.mark.parametrize(
    ("own", "others", "expected"),
    [
        ([0.9, 0.8], [0.1, 0.2], 1.0),
        ([0.1, 0.2], [0.9, 0.8], 0.0),
        ([0.5, 0.5], [0.5], 0.5),
        ([0.9, 0.3], [0.5], 0.5),
        ([0.9, 0.5], [0.5, 0.1], 0.875),
    ],
)
def test_auroc_is_the_chance_to_score_higher_ties_half(own, others, expected):
    assert metrics.auroc(torch.tensor(own), torch.tensor(others)) == pytest.approx(expected)


def test_calibration_error_takes_answers_of_any_kind():
    confidence, right = torch.tensor([0.9, 0.9, 0.6, 0.6]), torch.tensor([True, False, True, True])
    assert metrics.calibration_error(confidence, right) == pytest.approx(0.4)
