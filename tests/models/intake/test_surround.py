"""What a digit stands in: frames, rings and sheets are looked into, digits never."""

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw

from models.intake import components, surround
from models.intake.picture import prepare
from models.intake.steps import NothingFound
from tests.models.intake.test_picture import draw_seven, likeness

SEVEN = np.asarray(draw_seven(longest=120, width=14).convert("L"))
ALONE = prepare(draw_seven(longest=120, width=14), "mnist").picture


def framed(thick, margin=0, level=20):
    return np.pad(np.pad(SEVEN, thick, constant_values=level), margin, constant_values=255)


def ringed():
    pixels = np.pad(np.asarray(draw_seven((150, 170), (40, 25), 120, 14)), 30, constant_values=255)
    height, width = pixels.shape
    cv2.ellipse(pixels, (width // 2, height // 2), (width // 2 - 4, height // 2 - 4), 0, 0, 360, 20, 5)
    return pixels


def on_a_plate(radius, slant=1.0, margin=30):
    """A bright seven on a dark disc on white; the picture ends ``margin`` pixels beside it."""
    pixels = np.full((2 * (radius + margin), 2 * round(slant * radius + margin)), 255, np.uint8)
    height, width = pixels.shape
    cv2.ellipse(pixels, (width // 2, height // 2), (round(slant * radius), radius), 0, 0, 360, 20, -1)
    seven = np.argwhere(SEVEN < 128)
    (top, left), (bottom, right) = seven.min(0), seven.max(0) + 1
    y, x = (height - bottom + top) // 2, (width - right + left) // 2
    pixels[y : y + bottom - top, x : x + right - left][SEVEN[top:bottom, left:right] < 128] = 255
    return pixels


def on_a_desk(margin):
    rng = np.random.default_rng(0)
    return np.clip(
        np.pad(SEVEN, margin, constant_values=60) + rng.normal(0, 3, np.array(SEVEN.shape) + 2 * margin), 0, 255
    )


SURROUNDED = {
    "frame at the edge": framed(12),
    "thin frame": framed(3, margin=20),
    "thick frame": framed(10, margin=20),
    "ring": ringed(),
    "sheet on a desk": on_a_desk(60),
    "sheet that fills the picture": on_a_desk(8),
    "white on a dark square on white": np.pad(255 - SEVEN, 40, constant_values=255),
    "round plate": on_a_plate(100),
    "round plate, seen from the side": on_a_plate(120, slant=0.75),
    "frame on a sheet on a desk": np.pad(framed(5, margin=25), 40, constant_values=70),
}


@pytest.mark.parametrize("what", list(SURROUNDED))
@pytest.mark.parametrize("invert", [False, True])
def test_the_digit_inside_is_found(what, invert):
    pixels = np.asarray(SURROUNDED[what], np.uint8)
    prepared = prepare(Image.fromarray(255 - pixels if invert else pixels), "mnist")
    assert "inside" in [step.name for step in prepared.steps]
    assert likeness(prepared.picture, ALONE) > 0.9


@pytest.mark.parametrize("invert", [False, True])
def test_a_plate_that_fills_the_picture_leaves_corners_which_are_no_ink(invert):
    pixels = on_a_plate(100, margin=0)
    prepared = prepare(Image.fromarray(255 - pixels if invert else pixels), "mnist")
    assert likeness(prepared.picture, ALONE) > 0.9


def in_pieces():
    """Digits whose parts, too, touch two edges of the picture each, and a line from one edge to another."""
    four, seven, zero = np.full((3, 100, 100), 255, np.uint8)
    cv2.polylines(four, [np.array([(22, 4), (5, 62), (52, 62)])], False, 0, 8)
    cv2.line(four, (76, 3), (60, 97), 0, 8)
    cv2.line(seven, (0, 4), (79, 4), 0, 9)
    cv2.line(seven, (76, 4), (20, 99), 0, 9)
    hair = cv2.line(seven.copy(), (56, 99), (79, 76), 0, 2)
    cv2.circle(hair, (18, 60), 2, 0, -1)
    cv2.ellipse(zero, (35, 50), (31, 46), 0, 0, 360, 0, 8)
    stencil = zero.copy()
    stencil[:, 31:39] = 255
    return {"four": (four[:, :80],) * 2, "hair": (hair[:, :80], seven[:, :80]), "zero": (stencil[:, :70], zero[:, :70])}


@pytest.mark.parametrize(("pixels", "whole"), in_pieces().values(), ids=in_pieces())
def test_what_touches_two_edges_is_a_plate_s_corner_where_it_is_small(pixels, whole):
    """Of a digit that fills the picture pieces touch two edges as well."""
    kept = components.of_digit(pixels < 128, [])
    assert np.count_nonzero(kept) > 0.75 * np.count_nonzero(whole < 128)


@pytest.mark.parametrize("side", [20, 24, 28, 36, 46])
@pytest.mark.parametrize("thick", [1, 2])
def test_a_cell_cut_out_small_is_not_read_inside_out(side, thick):
    free = cv2.resize(SEVEN, (side, side), interpolation=cv2.INTER_AREA)
    cell = cv2.rectangle(free.copy(), (0, 0), (side - 1, side - 1), 0, thick)
    prepared = prepare(Image.fromarray(cell), "mnist")
    assert not prepared.as_it_was
    assert likeness(prepared.picture, prepare(Image.fromarray(free), "mnist").picture) > 0.7


def zero(width, height, thick, dot=0):
    mask = np.zeros((height + 60, width + 60), np.uint8)
    centre = (width // 2 + 30, height // 2 + 30)
    cv2.ellipse(mask, centre, (width // 2, height // 2), 0, 0, 360, 1, thick)
    if dot:
        cv2.circle(mask, centre, dot, 1, -1)
    return mask > 0


def square_zero(width, height, thick):
    mask = np.zeros((height + 40, width + 40), bool)
    mask[20:-20, 20:-20] = True
    mask[20 + thick : -20 - thick, 20 + thick : -20 - thick] = False
    return mask


def straight_zero(width, height, thick, dot=0):
    """With round ends, as condensed fonts and those of one width have it."""
    image = Image.new("1", (width + 40, height + 40))
    draw = ImageDraw.Draw(image)
    for inset, ink in ((20, 1), (20 + thick, 0)):
        corners = (inset, inset, width + 39 - inset, height + 39 - inset)
        draw.rounded_rectangle(corners, width / 2 + 20 - inset, fill=ink)
    if dot:
        draw.circle((width / 2 + 20, height / 2 + 20), dot, fill=1)
    return np.array(image)


@pytest.mark.parametrize(
    "mask",
    [zero(90, 150, 8), zero(90, 150, 30), zero(140, 150, 10), zero(90, 150, 12, dot=14), zero(140, 150, 70)]
    + [zero(120, 170, 36, dot=14), straight_zero(90, 160, 24, dot=11), straight_zero(90, 160, 12, dot=12)]
    + [straight_zero(70, 160, 25)]
    + [square_zero(80, 150, thick) for thick in (6, 15, 28)]
    + [zero(60, 60, 60), np.ones((90, 80), bool)],
)
def test_zeros_and_blobs_surround_nothing(mask):
    assert surround.inside(mask) is None


@pytest.mark.parametrize("pixel", [2, 3, 8, 20])
def test_an_angular_eight_is_no_sheet(pixel):
    rows = ("#####", "#...#", "#...#", "#####", "#...#", "#...#", "#####")
    ink = np.kron([[dot == "#" for dot in row] for row in rows], np.ones((pixel, pixel), bool))
    prepared = prepare(Image.fromarray(np.where(np.pad(ink, pixel + 1), 0, 255).astype(np.uint8)), "mnist")
    assert "inside" not in [step.name for step in prepared.steps]


def test_a_hole_of_one_pixel_is_no_digit():
    mask = np.zeros((20, 20), np.uint8)
    cv2.rectangle(mask, (9, 1), (16, 17), 1, -1)
    mask[[1, 1, 17, 17, 4], [9, 16, 9, 16, 12]] = 0
    assert surround.inside(mask > 0) is None


def test_a_frame_round_specks_alone_is_no_frame():
    mask = square_zero(150, 150, 6)
    mask[80:86, 80:86] = True
    assert surround.inside(mask) is None


@pytest.mark.parametrize("sides", ["l", "t", "b", "lt", "ltr", "ltrb"])
def test_a_cell_with_nothing_but_its_border_holds_nothing(sides):
    pixels = np.full((100, 100), 235, np.uint8)
    strips = {"l": np.s_[:, :3], "r": np.s_[:, -3:], "t": np.s_[:3], "b": np.s_[-3:]}
    for side in sides:
        pixels[strips[side]] = 30
    with pytest.raises(NothingFound, match="nothing but a border or lines at the edges"):
        prepare(Image.fromarray(pixels), "mnist")


def test_a_cell_s_border_is_left_out_and_a_thin_zero_that_fills_the_picture_is_not():
    pixels = np.full((100, 100), 235, np.uint8)
    cv2.rectangle(pixels, (0, 0), (99, 99), 30, 4)
    cv2.line(pixels, (50, 25), (50, 75), 30, 8)
    picture = prepare(Image.fromarray(pixels), "mnist").picture
    assert np.flatnonzero(picture.any(0)).size <= 6, "the stroke alone"
    pixels = np.full((100, 80), 235, np.uint8)
    cv2.ellipse(pixels, (40, 50), (37, 47), 0, 0, 360, 30, 3)
    pixels[20:24, 30:34] = 30  # a speck, which must not pass for the digit
    picture = prepare(Image.fromarray(pixels), "mnist").picture
    assert np.flatnonzero(picture.any(0)).size >= 14
    assert picture[14, 14] == 0, "hollow"
