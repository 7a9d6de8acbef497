"""The loss and the learning rate."""

import pytest
import torch

from models.training import optimisation


def test_the_loss_takes_any_of_the_allowed_classes():
    logits = torch.randn(6, 10)
    labels = torch.arange(6)
    one = torch.eye(10).bool()[labels]
    for smoothing in (0.0, 0.1):
        expected = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing)
        assert torch.allclose(optimisation.any_of(logits, one, smoothing), expected, atol=1e-6)
    two = one.clone()
    two[:, 9] = True
    p = logits.softmax(1)
    assert torch.allclose(optimisation.any_of(logits, two), -(p[labels, labels] + p[labels, 9]).log().mean(), atol=1e-6)


def test_the_learning_rate_warms_up_and_anneals_to_zero():
    rates = [optimisation.cycle(step / 100, 0.1) for step in range(101)]
    assert max(rates) == rates[10] == 1
    assert rates[0] < 0.05
    assert rates[100] == pytest.approx(0)
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)


def test_the_learning_rate_goes_its_whole_way_after_a_later_start():
    """Of a phase whose first part computes features."""
    rates = [optimisation.cycle(step / 100, 0.1, start=0.7) for step in range(101)]
    assert max(rates) == pytest.approx(rates[73]) == pytest.approx(1)
    assert rates[60] == rates[70] < 0.05
    assert rates[100] == pytest.approx(0)
