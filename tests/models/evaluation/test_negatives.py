"""Letters and noise to measure the gate with: pictures that show something, and others than it learned from."""

import inspect

import numpy as np
import pytest

from models.evaluation import measure_gate, negatives
from models.intake import gate


@pytest.mark.parametrize("kind", list(negatives.MAKERS))
def test_pictures_show_something_and_depend_on_the_seed_alone(kind):
    made = list(negatives.make(kind, 60, seed=3))
    assert all(image.mode in ("L", "RGB") for image in made)
    assert all(np.ptp(np.asarray(image)) > 40 for image in made)
    assert len({image.tobytes() for image in made}) > 50
    assert [image.tobytes() for image in negatives.make(kind, 60, seed=3)] == [image.tobytes() for image in made]
    assert next(negatives.make(kind, 1, seed=4)).tobytes() != made[0].tobytes()


@pytest.mark.parametrize("make", negatives.NOISES)
@pytest.mark.parametrize("side", [28, 120])
def test_each_kind_of_noise_fills_its_square(make, side):
    for seed in range(10):
        values = make(np.random.default_rng(seed), side)
        assert values.shape == (side, side)
        assert values.dtype == np.float32
        assert np.ptp(values) > 0.2


def test_a_letter_is_whole_and_small_against_its_ground():
    for seed in range(40):
        image = np.asarray(negatives.letter(np.random.default_rng(seed)), np.int16)
        ground = np.median(image, axis=(0, 1))
        ink = np.abs(image - ground).sum(2) > 60
        assert 0.002 < ink.mean() < 0.5


def test_some_noise_is_of_the_datasets_own_size():
    sizes = [image.size for image in negatives.make("noise", 60)]
    assert 5 < sizes.count((28, 28)) < 40


def test_no_letter_is_a_digit_in_another_hand():
    assert not set(negatives.LETTERS) & set("0123456789OQoISZlizsgqb")


def test_what_the_gate_learned_from_is_drawn_elsewhere():
    source = inspect.getsource(negatives)
    assert not any(f"import {name}" in source for name in ("strangers", "lettering", "scenes"))
    assert set(measure_gate.DRAWN_AGAINST) == set(gate.KINDS)
    assert {kind for kinds in measure_gate.DRAWN_AGAINST.values() for kind in kinds} == set(negatives.MAKERS)
