"""Numbers found on pages that the tests write: how many digits, where, on which line, and that networks read them."""

from functools import partial

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from models import checkpoints
from models.intake import read
from models.intake.gate import Verdict
from models.intake.steps import NothingFound
from tests.shipped import shipped_gate


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
    network = checkpoints.load(checkpoints.path_for("mnist", "lenet"))
    lines = []
    for line in read.find_digits(image):
        pictures = torch.from_numpy(np.stack([found.picture for found in line]))
        lines.append("".join(str(int(digit)) for digit in network(pictures).argmax(1)))
    return lines


def counts(image: Image.Image) -> list[int]:
    return [len(line) for line in read.find_digits(image)]


@pytest.mark.parametrize("lines", [["7"], ["2035"], ["203", "52"], ["2", "3", "5", "0"]])
@pytest.mark.parametrize(("ink", "ground"), [(30, 235), (235, 20), (120, 200)])
def test_numbers_are_read_line_by_line(lines, ink, ground):
    assert said(page(lines, ink=ink, ground=ground)) == lines


def test_boxes_are_in_pixels_of_the_picture_as_sent():
    pixels = np.full((3000, 4000), 240, np.uint8)
    for left in (500, 1700, 2900):
        cv2.rectangle(pixels, (left, 800), (left + 200, 1600), 20, -1)
    (line,) = read.find_digits(Image.fromarray(pixels))
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
        read.find_digits(Image.fromarray(pixels))


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (28, 28), (700, 40)])
def test_odd_sizes_end_in_digits_or_nothing_found(size):
    try:
        lines = read.find_digits(Image.effect_noise(size, 100))
    except NothingFound:
        return
    for found in (one for line in lines for one in line):
        x, y, width, height = found.box
        assert 0 <= x < x + width <= size[0]
        assert 0 <= y < y + height <= size[1]


def test_test_pictures_side_by_side_are_found_whole(shared):
    from models.data.splits import load_split

    pictures, _ = load_split("mnist", "test", shared)
    rng = np.random.default_rng(0)
    right = 0
    for _ in range(40):
        row = np.hstack([np.pad(pictures[int(k)].numpy(), 4) for k in rng.integers(0, 10_000, 5)])
        right += counts(Image.fromarray(255 - cv2.resize(row, None, fx=2, fy=2))) == [5]
    assert right >= 32


@pytest.mark.parametrize("size", [(4000, 1500), (2000, 750), (1000, 375)])
def test_boxes_are_in_pixels_of_what_was_sent_where_it_was_shrunk_since(size):
    image = page(["358"])
    (own,) = read.find_digits(image)
    (line,) = read.find_digits(image, size=size)
    for before, found in zip(own, line, strict=True):
        x, y, width, height = before.box
        scale = size[0] / image.width, size[1] / image.height
        wanted = x * scale[0], y * scale[1], width * scale[0], height * scale[1]
        assert found.box == pytest.approx(wanted, abs=max(scale) + 1)


def test_boxes_are_right_on_pictures_of_extreme_aspect():
    pixels = np.full((40, 6000), 240, np.uint8)
    for left in (1000, 3000, 5000):
        pixels[8:32, left : left + 10] = 20
    (line,) = read.find_digits(Image.fromarray(pixels))
    assert [found.box[0] for found in line] == pytest.approx([1000, 3000, 5000], abs=6)


@pytest.mark.parametrize("text", ["3,5", "12,50", "1,299.50", "1'000"])
def test_punctuation_is_no_digit(text):
    assert said(page([text])) == ["".join(character for character in text if character.isdigit())]


def test_a_smaller_number_below_is_read_all_the_same():
    small = np.array(page(["481"], height=26, thick=3))
    large = np.array(page(["20"]))
    width = max(small.shape[1], large.shape[1])
    both = [np.pad(part, ((0, 0), (0, width - part.shape[1])), constant_values=235) for part in (large, small)]
    assert said(Image.fromarray(np.vstack(both))) == ["20", "481"]


@pytest.mark.parametrize("rise", [0, 4])
def test_digits_on_dark_rulings_are_whole(rise):
    pixels = np.array(page(["48213"], thick=7))
    alone = pixels.copy()
    height, width = pixels.shape
    for y in range(12, height, 31):
        cv2.line(pixels, (0, y), (width, y + rise), 90, 2)
    assert counts(Image.fromarray(np.minimum(pixels, alone))) == [5]


@pytest.mark.parametrize("rows", [10, 60])
@pytest.mark.parametrize("high", [2, 4])
def test_a_page_of_dashes_is_no_number(rows, high):
    """Each dash is hundreds of heights wide; cutting it by its width gave up to 62,550 digits, and took 16 seconds."""
    pixels = np.full((1280, 1280), 255, np.uint8)
    for row in range(rows):
        for left in (20, 660):
            pixels[8 + 12 * row : 8 + high + 12 * row, left : left + 600] = 0
    with pytest.raises(NothingFound, match="nothing but rulings"):
        read.find_digits(Image.fromarray(pixels))


def test_a_mark_that_would_be_too_many_digits_is_none():
    pixels = np.full((1000, 1000), 255, np.uint8)
    for row in range(40):  # combs, each of which could be ten digits, and all of them 1,200
        top = 10 + 24 * row
        for left in (10, 340, 670):
            pixels[top : top + 4, left : left + 290] = 0
            for tooth in range(left, left + 290, 8):
                pixels[top : top + 16, tooth : tooth + 3] = 0
    with pytest.raises(NothingFound, match="marks are on the picture, at most 1000 are looked at"):
        read.find_digits(Image.fromarray(pixels))


class ByWidth:
    """A judge to whom what is wider than ``most`` of 28 pixels is no digit."""

    def __init__(self, most: int) -> None:
        self.most, self.asked = most, 0

    def __call__(self, thumbnails, pictures):
        self.asked += len(pictures)
        assert all((one.shape, one.dtype) == ((64, 64), np.uint8) for one in thumbnails)
        widths = [np.ptp(np.flatnonzero(picture.any(0))) + 1 for picture in pictures]
        return [Verdict(width <= self.most, 0.9 if width <= self.most else 0.1, "") for width in widths]


def two_rings(apart: int) -> Image.Image:
    pixels = np.full((200, 260), 240, np.uint8)
    for left in (70, 70 + apart):
        cv2.ellipse(pixels, (left, 100), (28, 45), 0, 0, 360, 20, 7)
    return Image.fromarray(pixels)


def test_the_judge_decides_how_many_digits_touch():
    """The pair is 1.2 times as wide as high: by its width alone it is one digit."""
    image = two_rings(54)
    assert counts(image) == [1]
    for most, count in ((15, 2), (20, 1)):
        judge = ByWidth(most)
        (line,) = read.find_digits(image, judge)
        assert len(line) == count
        assert judge.asked > 3, "the whole and halves"
        assert all(found.verdict.in_distribution for found in line)


def test_where_the_judge_takes_nothing_for_digits_they_are_found_all_the_same():
    (line,) = read.find_digits(page(["2035"]), ByWidth(0))
    assert len(line) == 4
    assert not any(found.verdict.in_distribution for found in line)


def test_the_gate_tells_touching_test_pictures_apart(shared):
    from models.data.splits import load_split

    pictures = load_split("mnist", "test", shared)[0].numpy()
    judge, rng = partial(shipped_gate().judge_all, dataset="mnist"), np.random.default_rng(0)
    right = {None: 0, judge: 0}
    for _ in range(60):
        row = np.zeros((36, 60), np.uint8)
        left = 6
        for number in rng.integers(0, 10_000, 2):
            columns = np.flatnonzero((pictures[number] > 60).any(0))
            digit = pictures[number][:, columns[0] : columns[-1] + 1]
            row[4:32, left : left + digit.shape[1]] = np.maximum(row[4:32, left : left + digit.shape[1]], digit)
            left += digit.shape[1] - 1  # one pixel over each other
        image = Image.fromarray(255 - row).resize((240, 144), Image.Resampling.BICUBIC)
        for who in right:
            right[who] += len([one for line in read.find_digits(image, who) for one in line]) == 2
    assert right[judge] > right[None]
    assert right[judge] >= 45
