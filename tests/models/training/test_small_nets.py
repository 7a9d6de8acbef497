"""Small networks learn, and a loss that is no number ends it with step and rate."""

import math

import pytest
import torch
from torch import nn

from models.training import small_nets
from models.training.optimisation import DivergedError


def material(count=384):
    """Pictures uint8 [N, 1, 8, 8], bright or dark, and which they are."""
    answers = torch.arange(count) % 2
    noise = torch.randint(0, 100, (count, 1, 8, 8), generator=torch.Generator().manual_seed(0))
    return (noise + 120 * answers.view(-1, 1, 1, 1)).to(torch.uint8), answers


class Small(nn.Module):
    """Its gradients are no numbers in the step ``at``."""

    def __init__(self, at=None):
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.linear, self.steps, self.at = nn.Conv2d(1, 4, 3), nn.Linear(4, 2), 0, at

    def forward(self, x):
        logits = self.linear(self.conv(x).relu().mean((2, 3)))
        if self.steps == self.at:
            logits.register_hook(lambda gradient: gradient * math.nan)
        self.steps += 1
        return logits


def test_it_learns_and_says_so(capsys):
    pictures, answers = material()
    network = Small()
    torch.manual_seed(0)
    small_nets.fit(network, [pictures], answers, 20, lr=0.05, note="brightness")
    assert (network(pictures.float() / 255).argmax(1) == answers).double().mean() > 0.95
    lines = capsys.readouterr().out.splitlines()
    assert (len(lines), lines[-1].startswith("brightness epoch 20 of 20: loss 0.")) == (20, True)


def test_a_rate_that_is_far_too_high_ends_it_with_step_and_rate():
    with pytest.raises(DivergedError, match=r"brightness: the loss is (nan|inf) at step [1-8], rate \d\S*e\+\d"):
        small_nets.fit(Small(), [material()[0]], material()[1], 3, lr=1e30, note="brightness")


@pytest.mark.parametrize(
    ("at", "told"),
    [(4, r"a small network: the loss is nan at step 5, rate \d"), (5, r"a small network has weights in \S+ that are")],
)
def test_so_do_gradients_that_are_no_numbers_even_in_the_last_of_its_six_steps(at, told):
    pictures, answers = material()
    with pytest.raises(DivergedError, match=told):
        small_nets.fit(Small(at), [pictures], answers, 2, lr=1e-3)
