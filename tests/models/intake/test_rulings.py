"""Ruled lines: found where they run across, left alone where they are a digit's bars, and taken out of the ink."""

import cv2
import numpy as np
import pytest
from PIL import Image

from models.intake import ink, rulings
from models.intake.picture import prepare
from tests.models.intake.test_picture import draw_seven, likeness


def ruled(rise=0.0, every=25, thick=2, level=100):
    """A 7 on ruled paper, whose lines cross it, and the 7 alone."""
    alone = np.pad(np.asarray(draw_seven(longest=120, width=14).convert("L")), 30, constant_values=255)
    page = alone.copy()
    height, width = page.shape
    for y in range(10, height, every):
        cv2.line(page, (0, y), (width, round(y + rise * width)), level, thick)
    return np.minimum(alone, page), alone


@pytest.mark.parametrize("rise", [0, 0.01, 0.02])
@pytest.mark.parametrize(("every", "thick", "level"), [(25, 2, 100), (40, 3, 60), (60, 2, 60)])
def test_a_digit_across_rulings_is_as_without_them(rise, every, thick, level):
    page, alone = ruled(rise, every, thick, level)
    prepared = prepare(Image.fromarray(page), "mnist")
    assert "rulings" in [step.name for step in prepared.steps]
    assert likeness(prepared.picture, prepare(Image.fromarray(alone), "mnist").picture) > 0.85


def test_what_is_found_is_the_lines_and_none_of_the_stroke():
    page, alone = ruled()
    found, stroke = ink.separate(page, [], 640), ink.separate(alone, [], 640)
    lines = rulings.across(found.mask, 0.9)
    assert lines.any(1).sum() >= 8, "eight lines and more"
    inner = cv2.erode(stroke.mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert not (lines & inner).any()
    rest = rulings.without(found, lines)
    assert (rest.mask & ~cv2.dilate(stroke.mask.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)).mean() < 0.01
    assert not rest.amount[lines].any()


@pytest.mark.parametrize("shape", ["seven", "two", "five"])
def test_the_bars_of_a_digit_that_fills_the_picture_are_no_rulings(shape):
    points = {
        "seven": [[(2, 4), (97, 4), (40, 116)]],
        "two": [[(4, 4), (96, 4), (96, 60), (4, 60), (4, 116), (96, 116)]],
        "five": [[(96, 4), (4, 4), (4, 60), (96, 60), (96, 116), (4, 116)]],
    }[shape]
    pixels = np.full((120, 100), 240, np.uint8)
    for line in points:
        cv2.polylines(pixels, [np.array(line, np.int32)], False, 20, 3)
    assert "rulings" not in [step.name for step in prepare(Image.fromarray(pixels), "mnist").steps]


def test_without_lines_nothing_changes():
    found = ink.separate(np.asarray(draw_seven().convert("L")), [], 640)
    assert rulings.without(found, rulings.across(found.mask, 0.5)) is found
