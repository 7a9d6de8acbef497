"""The brush, and pictures with dabs of it."""

import numpy as np
import pytest

from app.flips import FLIP_HEAD
from models.flip.brush import DABS, LEAST, PLACES, Dab, Palette, brush, dab, places

GREY = np.full((28, 28), 100, np.uint8)


def number(x: int, y: int, ink: str) -> int:
    return y * 28 + x + (PLACES if ink == "erase" else 0)


def test_the_example_of_an_answer_has_the_brush() -> None:
    assert brush().tolist() == FLIP_HEAD["brush"]


def test_the_brush_is_round_full_in_the_middle_and_as_thick_as_a_stroke() -> None:
    made = brush()
    assert (made == made.T).all()
    assert (made == made[::-1]).all()
    assert (made[2, 1:4] == 255).all()
    line = np.zeros((28, 28), np.uint8)
    for x in range(4, 24):
        line = Palette().all(line, (number(x, 14, "add"),))
    assert 2.8 <= line[:, 14].sum() / 255 <= 3.6, "MNIST's strokes are about three pixels thick"


@pytest.mark.parametrize("wanted", [Dab(0, 0, "add"), Dab(27, 27, "erase"), Dab(3, 20, "add"), Dab(20, 3, "erase")])
def test_a_dab_has_one_number(wanted: Dab) -> None:
    given = number(*wanted)
    assert dab(given) == wanted
    assert places(np.array([given])).tolist() == [[wanted.x, wanted.y, wanted.ink == "erase"]]


@pytest.mark.parametrize("ink", ["add", "erase"])
@pytest.mark.parametrize(("x", "y"), [(13, 9), (0, 0), (27, 5)])
def test_adding_takes_the_maximum_and_erasing_the_minimum_also_at_the_border(x: int, y: int, ink: str) -> None:
    made = Palette().each(GREY, np.array([number(x, y, ink)]))[0]
    for row, column in np.ndindex(28, 28):
        near = abs(row - y) <= 2 and abs(column - x) <= 2
        stamp = int(brush()[row - y + 2, column - x + 2]) if near else 0
        assert made[row, column] == (max(100, stamp) if ink == "add" else min(100, 255 - stamp))


def test_several_dabs_come_one_after_the_other() -> None:
    palette = Palette()
    add, erase = number(10, 10, "add"), number(11, 10, "erase")
    both = palette.all(GREY, (add, erase))
    assert (both == palette.each(palette.each(GREY, np.array([add]))[0], np.array([erase]))[0]).all()
    assert (both != palette.all(GREY, (erase, add))).any()
    assert (palette.all(GREY, ()) == GREY).all()


def test_useful_are_those_that_change_something() -> None:
    palette, picture = Palette(), np.zeros((28, 28), np.uint8)
    picture[10:18, 10:13] = 255
    changes = np.abs(palette.each(picture, np.arange(DABS)).astype(int) - picture).sum((1, 2))
    assert palette.useful(picture).tolist() == np.flatnonzero(changes >= LEAST).tolist()
    assert number(2, 2, "erase") not in palette.useful(picture)
