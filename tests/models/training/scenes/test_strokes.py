"""Digits drawn with a mouse or a finger."""

import numpy as np
import pytest
import torch
from PIL import Image

from models.intake import picture
from models.training.scenes import strokes


@pytest.mark.parametrize("digit", range(10))
def test_each_digit_is_drawn_in_each_way_at_any_size(digit):
    rng = np.random.default_rng(digit)
    for longest in (10, 24, 60, 300):
        for _ in range(8):
            ink = strokes.drawn(rng, digit, longest)
            assert ink.dtype == np.uint8
            assert ink.max() > 200
            assert 0.6 * longest < max(ink.shape) < 2 * longest + 4
            assert ink.any(1).all() or ink.any(0).all(), "cropped to the ink"


def test_drawn_digits_are_what_a_network_reads():
    """The shipped LeNet, which has seen such, reads nearly all of them."""
    from models import checkpoints

    rng = np.random.default_rng(0)
    drawn = [(k % 10, np.pad(strokes.drawn(rng, k % 10, 120), 40)) for k in range(200)]
    pictures = [picture.prepare(Image.fromarray(255 - ink), "mnist").picture for _, ink in drawn]
    answers = checkpoints.load(checkpoints.path_for("mnist", "lenet"))(torch.from_numpy(np.stack(pictures))).argmax(1)
    assert (answers == torch.tensor([digit for digit, _ in drawn])).double().mean() > 0.85
