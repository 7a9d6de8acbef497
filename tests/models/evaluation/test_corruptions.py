"""Spoiled pictures: nothing at strength 0, more with each strength, always the same, and still bytes."""

import numpy as np
import pytest

from models.evaluation.corruptions import CORRUPTIONS, blurred, inverted, noised, rotated, shifted
from tests.idx import bars

PICTURES = np.stack([np.frombuffer(bars(k), np.uint8).reshape(28, 28) for k in range(24)])
EACH = pytest.mark.parametrize("name", CORRUPTIONS)


@EACH
def test_at_strength_0_nothing_happens(name):
    np.testing.assert_array_equal(CORRUPTIONS[name].apply(PICTURES, 0), PICTURES)


@EACH
def test_the_five_strengths_spoil_more_and_more(name):
    spoiled = CORRUPTIONS[name]
    assert len(spoiled.strengths) == 5
    assert [*spoiled.strengths] == sorted({*spoiled.strengths})
    assert spoiled.strengths[0] > 0
    moved = [np.abs(spoiled.apply(PICTURES, s).astype(int) - PICTURES).mean() for s in (0, *spoiled.strengths)]
    if name in ("rotated", "shifted"):  # two bars that do not touch differ no more when they are farther apart
        assert all(one > 0 for one in moved[1:])
    else:
        assert moved == sorted(moved)
        assert len(set(moved)) == 6


@EACH
def test_shape_and_type_stay_and_the_pictures_given_are_not_touched(name):
    before = PICTURES.copy()
    for count in (0, 1, 3, 24):
        told = CORRUPTIONS[name].apply(PICTURES[:count], CORRUPTIONS[name].strengths[-1])
        assert (told.shape, told.dtype) == ((count, 28, 28), np.uint8)
    np.testing.assert_array_equal(PICTURES, before)


@EACH
def test_the_same_pictures_are_always_spoiled_the_same_way(name):
    for strength in CORRUPTIONS[name].strengths:
        first, again = (CORRUPTIONS[name].apply(PICTURES, strength) for _ in range(2))
        np.testing.assert_array_equal(first, again)


@EACH
@pytest.mark.parametrize("value", [0, 255])
def test_no_pixel_goes_round_from_white_to_black_or_back(name, value):
    """A whole picture of black or white, whose values cannot overshoot without being seen."""
    flat = np.full((8, 28, 28), value, np.uint8)
    for strength in CORRUPTIONS[name].strengths:
        told = CORRUPTIONS[name].apply(flat, strength).astype(int)
        if name == "inverted":
            wanted = round(value + strength * (255 - 2 * value))
            assert set(np.unique(told)) == {wanted}
        elif name == "noised":  # at most what the noise itself can do: five times its deviation and a bit
            assert np.abs(told - value).max() <= min(255, 6 * strength)
            assert (told == value).mean() > 0.4, "half of the noise points outside"
        else:
            middle = told[:, 12:16, 12:16]
            assert (middle == value).all()


def test_a_turn_is_by_so_many_degrees_one_way_and_the_other_by_turns():
    corner = np.zeros((2, 28, 28), np.uint8)
    corner[:, 2:5, 20:26] = 200
    turned = rotated(corner, 90)
    np.testing.assert_array_equal(turned[0], np.rot90(corner[0]))
    np.testing.assert_array_equal(turned[1], np.rot90(corner[1], -1))


def test_a_shift_goes_in_four_directions_by_so_many_pixels_and_loses_what_leaves():
    dot = np.zeros((5, 28, 28), np.uint8)
    dot[:, 14, 14] = 255
    places = [tuple(np.argwhere(one)[0]) for one in shifted(dot, 3)]
    assert places == [(14, 17), (14, 11), (17, 14), (11, 14), (14, 17)]
    edge = np.zeros((1, 28, 28), np.uint8)
    edge[0, 5, 26] = 255
    assert not shifted(edge, 3).any()


def test_noise_has_its_deviation():
    grey = np.full((50, 28, 28), 128, np.uint8)
    for sigma in (16, 32):
        spread = noised(grey, sigma).astype(float)
        assert spread.std() == pytest.approx(sigma, rel=0.02)
        assert spread.mean() == pytest.approx(128, abs=0.5)


def test_stronger_noise_is_the_same_noise():
    grey = np.full((2, 28, 28), 128, np.uint8)
    weak, strong = (noised(grey, sigma).astype(int) - 128 for sigma in (10, 20))
    np.testing.assert_allclose(strong, 2 * weak, atol=1.5)


def test_a_blur_spreads_a_point_as_a_gaussian_does():
    point = np.zeros((1, 28, 28), np.uint8)
    point[0, 14, 14] = 255
    spread = blurred(point, 1.5)[0].astype(float)
    y = np.arange(28) - 14
    assert (spread.sum(1) * y**2).sum() / spread.sum() == pytest.approx(1.5**2, rel=0.1)
    np.testing.assert_array_equal(spread, spread.T)


def test_the_whole_way_to_the_negative_is_the_negative_and_half_of_it_is_grey():
    np.testing.assert_array_equal(inverted(PICTURES, 1), 255 - PICTURES)
    assert set(np.unique(inverted(PICTURES, 0.5))) <= {127, 128}
    assert 0.5 not in CORRUPTIONS["inverted"].strengths
