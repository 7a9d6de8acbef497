"""Beside a page the table shows on one to three sides: the digit on it is found, and no digit is taken for a table."""

import cv2
import numpy as np
import pytest
from PIL import Image

from models.intake import margins
from models.intake.picture import prepare
from tests.models.intake.test_picture import draw_seven, likeness

SEVEN = np.pad(np.asarray(draw_seven(longest=120, width=14).convert("L")), 40, constant_values=255)
ALONE = prepare(draw_seven(longest=120, width=14), "mnist").picture
HEIGHT, WIDTH = SEVEN.shape


def beside(left=0.0, top=0.0, right=0.0, bottom=0.0, *, table=60, blur=1.2, noise=4, slope=20):
    """The seven's page with so much of a table beside it, in parts of the page's sides, as a camera sees it."""
    wide = [(round(top * HEIGHT), round(bottom * HEIGHT)), (round(left * WIDTH), round(right * WIDTH))]
    pixels = np.pad(SEVEN * 0.9, wide, constant_values=table)
    pixels = cv2.GaussianBlur(pixels, (0, 0), blur) + np.linspace(-slope / 2, slope / 2, pixels.shape[1])
    noisy = pixels + np.random.default_rng(0).normal(0, noise, pixels.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


@pytest.mark.parametrize("invert", [False, True])
@pytest.mark.parametrize(
    "sides",
    [
        {"right": 0.25},
        {"left": 0.5},
        {"top": 0.3},
        {"bottom": 0.4, "table": 120},
        {"right": 0.25, "bottom": 0.25},
        {"left": 0.2, "top": 0.1},
        {"left": 0.2, "right": 0.2, "bottom": 0.25},
        {"right": 0.25, "table": 40, "blur": 0.3, "noise": 0, "slope": 0},
    ],
)
def test_the_digit_on_the_page_is_found(sides, invert):
    pixels = beside(**sides)
    prepared = prepare(Image.fromarray(255 - pixels if invert else pixels), "mnist")
    assert "inside" in [step.name for step in prepared.steps]
    assert likeness(prepared.picture, ALONE) > 0.9


def test_it_is_found_where_the_edge_of_the_page_is_not_quite_upright():
    pixels = beside(right=0.4)
    turn = cv2.getRotationMatrix2D((pixels.shape[1] / 2, pixels.shape[0] / 2), 2, 1)
    turned = cv2.warpAffine(pixels, turn, pixels.shape[::-1], borderMode=cv2.BORDER_REPLICATE)
    prepared = prepare(Image.fromarray(turned), "mnist")
    assert "inside" in [step.name for step in prepared.steps]
    assert likeness(prepared.picture, ALONE) > 0.7


@pytest.mark.parametrize(
    "pixels",
    [
        SEVEN,
        SEVEN[40:-40, 40:-40],  # a tight crop: its bar runs from edge to edge
        np.asarray(draw_seven(longest=120, width=40).convert("L"))[::-1],
        np.pad(np.full((120, 30), 20, np.uint8), ((0, 0), (60, 60)), constant_values=255),  # a bold 1, cut off
        beside(),
        beside(0.3, 0.3, 0.3, 0.3),  # a sheet on a desk, which surround looks into
        np.full((100, 100), 128, np.uint8),
    ],
)
@pytest.mark.parametrize("invert", [False, True])
def test_where_no_table_shows_the_picture_is_whole(pixels, invert):
    assert margins.page(255 - pixels if invert else pixels) is None


def test_a_shadow_with_ink_in_it_is_no_table():
    pixels = beside(noise=2, slope=0).astype(np.float64)
    pixels[:, WIDTH // 2 :] *= 0.6
    assert margins.page(pixels.astype(np.uint8)) is None


def test_a_page_with_nothing_on_it_is_left_alone():
    assert margins.page(np.pad(np.full((100, 80), 230, np.uint8), ((0, 0), (0, 30)), constant_values=60)) is None


def test_the_page_is_told_in_the_pixels_of_a_large_picture_in_colour():
    pixels = np.repeat(cv2.resize(beside(right=0.25), None, fx=6, fy=6)[:, :, None], 3, axis=2)
    box = margins.page(pixels)
    assert box is not None
    assert (box.left, box.top, box.bottom) == (0, 0, pixels.shape[0])
    assert 0.85 * 6 * WIDTH < box.right < 6 * WIDTH
