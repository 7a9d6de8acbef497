"""Numbers found on pages that the tests write: how many digits, where, on which line, and that networks read them."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from models import checkpoint, read
from models.picture import NothingFound


def page(lines: list[str], *, ink: int = 30, ground: int = 235, height: int = 60, thick: int = 4) -> Image.Image:
    """Lines of text, typed, 1.9 heights apart."""
    scale = height / 22
    wide = max(cv2.getTextSize(line, cv2.FONT_HERSHEY_SIMPLEX, scale, thick)[0][0] for line in lines)
    pixels = np.full((int(height * 1.9 * len(lines)) + height, wide + 2 * height), ground, np.uint8)
    for number, line in enumerate(lines):
        at = height, int(height * (1.7 + 1.9 * number))
        cv2.putText(pixels, line, at, cv2.FONT_HERSHEY_SIMPLEX, scale, ink, thick, cv2.LINE_AA)
    return Image.fromarray(pixels)


def said(image: Image.Image) -> list[str]:
    """What the shipped LeNet reads."""
    network = checkpoint.load(checkpoint.path_for("mnist", "lenet"))
    lines = []
    for line in read.find(image):
        pictures = torch.from_numpy(np.stack([found.picture for found in line]))
        lines.append("".join(str(int(digit)) for digit in network(pictures).argmax(1)))
    return lines


def counts(image: Image.Image) -> list[int]:
    return [len(line) for line in read.find(image)]


@pytest.mark.parametrize("lines", [["7"], ["2035"], ["203", "52"], ["2", "3", "5", "0"]])
@pytest.mark.parametrize(("ink", "ground"), [(30, 235), (235, 20), (120, 200)])
def test_numbers_are_read_line_by_line(lines, ink, ground):
    assert said(page(lines, ink=ink, ground=ground)) == lines


def test_boxes_are_in_pixels_of_the_picture_as_sent():
    pixels = np.full((3000, 4000), 240, np.uint8)
    for left in (500, 1700, 2900):
        cv2.rectangle(pixels, (left, 800), (left + 200, 1600), 20, -1)
    (line,) = read.find(Image.fromarray(pixels))
    for found, left in zip(line, (500, 1700, 2900), strict=True):
        assert found.box == pytest.approx((left, 800, 201, 801), abs=8)
        assert (found.picture.shape, found.picture.dtype) == ((28, 28), np.uint8)


@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("height", [16, 40, 150])
def test_any_size_and_mode(mode, height):
    assert counts(page(["4802", "17"], height=height, thick=max(1, height // 14)).convert(mode)) == [4, 2]


def test_rulings_a_border_and_specks_are_no_digits():
    pixels = np.array(page(["358", "30"]))
    height, width = pixels.shape
    for y in (10, height // 2 - 4, height - 12):
        cv2.line(pixels, (0, y), (width, y), 150, 1)
    cv2.rectangle(pixels, (1, 1), (width - 2, height - 2), 60, 2)
    rng = np.random.default_rng(0)
    for _ in range(25):
        x, y = int(rng.integers(6, width - 6)), int(rng.integers(14, 40))
        pixels[y : y + 2, x : x + 2] = 60
    assert counts(Image.fromarray(pixels)) == [3, 2]


def test_the_pieces_of_a_broken_digit_are_one():
    pixels = np.full((200, 300), 240, np.uint8)
    for left in (40, 170):  # a 5 whose bar is apart
        cv2.line(pixels, (left + 14, 50), (left + 60, 50), 20, 6)
        points = np.array(
            [(left, 58), (left, 95), (left + 40, 95), (left + 55, 125), (left + 20, 155), (left - 5, 145)]
        )
        cv2.polylines(pixels, [points], False, 20, 6)
    assert counts(Image.fromarray(pixels)) == [2]


@pytest.mark.parametrize("touching", [2, 3, 4])
def test_digits_that_touch_are_cut_apart(touching):
    pixels = np.full((160, 120 + 70 * touching), 240, np.uint8)
    for number in range(touching):
        cv2.ellipse(pixels, (80 + 66 * number, 80), (34, 45), 0, 0, 360, 20, 7)
    assert counts(Image.fromarray(pixels)) == [touching]


def test_a_low_wide_digit_is_one():
    pixels = np.array(page(["11"]))
    pixels = np.pad(pixels, ((0, 0), (0, 120)), constant_values=235)
    cv2.ellipse(pixels, (pixels.shape[1] - 100, 90), (29, 17), 0, 0, 360, 30, 5)
    assert counts(Image.fromarray(pixels)) == [3]


def test_a_line_may_slope():
    image = page(["123456789"]).rotate(4, resample=Image.Resampling.BILINEAR, fillcolor=235, expand=True)
    assert counts(image) == [9]


def test_a_full_page_loses_none():
    assert counts(page(["0123456789" * 2] * 12, height=26, thick=2)) == [20] * 12


@pytest.mark.parametrize(
    ("pixels", "told"),
    [
        (np.full((50, 60), 200, np.uint8), "blank"),
        (np.pad(np.full((4, 300), 20, np.uint8), ((150, 150), (0, 0)), constant_values=240), "rulings"),
        (np.random.default_rng(0).integers(0, 256, (1280, 1280), dtype=np.uint8), "at most 1000 are looked at"),
    ],
)
def test_where_there_is_no_number_it_says_why(pixels, told):
    with pytest.raises(NothingFound, match=told):
        read.find(Image.fromarray(pixels))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (28, 28), (700, 40)])
def test_odd_sizes_end_in_digits_or_nothing_found(size):
    try:
        lines = read.find(Image.effect_noise(size, 100))
    except NothingFound:
        return
    for found in (one for line in lines for one in line):
        x, y, width, height = found.box
        assert 0 <= x < x + width <= size[0]
        assert 0 <= y < y + height <= size[1]


def test_test_pictures_side_by_side_are_found_whole(shared):
    from models.datasets import load_split

    pictures, _ = load_split("mnist", "test", shared)
    rng = np.random.default_rng(0)
    right = 0
    for _ in range(40):
        row = np.hstack([np.pad(pictures[int(k)].numpy(), 4) for k in rng.integers(0, 10_000, 5)])
        right += counts(Image.fromarray(255 - cv2.resize(row, None, fx=2, fy=2))) == [5]
    assert right >= 32
