"""Where the digits of a number are on a picture, line by line, and what a network sees of each: ``find_digits(image)``.

The ink of the whole picture is found once (``intake.ink``), ruled lines are taken out of it, and it is cut into its
connected parts. Specks and commas are left out, pieces of one digit are put together, and what may be several digits
that touch is cut where the ink is thinnest; which cut is right is for the gate to judge (``intake.gate``), to which
two digits at once are no digit. Each digit is then placed as MNIST's authors placed theirs (``intake.digit``). What a
part shows is for the networks to say: letters are found as well.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from models.intake import digit, ink, parts, rulings
from models.intake.gate import Verdict
from models.intake.parts import Part
from models.intake.pixels import UInt8
from models.intake.steps import NothingFound
from models.intake.thumbnail import thumbnail

WORKING = 1280  # pixels: larger pictures are shrunk to this first; a line of 40 digits has 30 for each
RULED = 0.5  # of the picture's width: a thin level line as long as this is a ruling
DIRT = 0.12  # of the usual height: what is smaller is nothing at all
LEAST = 5  # pixels: nothing lower can be told from others
MOST = 1000  # marks; each has 40x40 pixels on a full page then, and noise has more

# What says of several marks, each as a thumbnail uint8 [64, 64] and prepared uint8 [28, 28], whether it is one digit.
Judge = Callable[[Sequence[UInt8], Sequence[UInt8]], Sequence[Verdict]]


@dataclass(frozen=True)
class Found:
    """One digit: its ``box`` (left, top, width, height) in pixels of the picture as sent, ``picture``, uint8 [28, 28],
    what a network sees of it, and what the judge says, if there is one.
    """

    box: tuple[int, int, int, int]
    picture: UInt8
    verdict: Verdict | None = None


def find_digits(
    image: Image.Image, judge: Judge | None = None, size: tuple[int, int] | None = None
) -> list[list[Found]]:
    """The digits on ``image`` (mode L or RGB, any size): lines from top to bottom, each from left to right.

    ``size``: width and height of the picture as it was sent, where ``image`` was shrunk since; boxes are in its
    pixels. Without a ``judge`` (a gate's ``judge_all`` for "mnist") touching digits are told by their width alone.
    Raises NothingFound if there is no ink, or nothing but rulings and specks.
    """
    found = ink.separate(np.asarray(image), [], WORKING)
    found = rulings.without(found, rulings.across(found.mask, RULED))
    _, regions, stats, _ = cv2.connectedComponentsWithStats(found.mask.astype(np.uint8), connectivity=8)
    page = _Page(found, np.asarray(regions, np.int32), size or image.size)
    whole, usual = _whole(page.labels, np.asarray(stats[1:]))
    if judge is None:
        ways = [[parts.cut(part, page.labels, parts.by_width(part, usual))] for part in whole]
    else:
        ways = [parts.ways_to_cut(part, page.labels, usual) for part in whole]
    marks = [[[_mark(page, part) for part in way] for way in each] for each in ways]
    if judge is not None:
        marks = _judged(marks, judge)
    best = [mark for each in marks for mark in _best(each)]
    return [[found for _, found in line] for line in _lines(best)]


def _whole(labels: parts.Labels, stats: npt.NDArray[np.int32]) -> tuple[list[Part], float]:
    """The parts that are a digit or several that touch, and the usual height of a digit. NothingFound if there are
    none, or more than can be looked at.
    """
    found = parts.of_components(labels, stats)
    if not found:
        raise NothingFound("no digits were found: there is nothing but rulings on the picture")
    usual = parts.usual_height(found)
    if usual < LEAST:
        told = f"marks are {usual:g} pixels high on the picture shrunk to {WORKING}"
        raise NothingFound(f"no digits were found: {told}; at least {LEAST} are needed")
    visible = [part for part in found if max(part.width, part.height) >= DIRT * usual]
    _check_number(len(visible))
    whole = parts.joined(visible, usual)
    _check_number(round(sum(max(1.0, parts.widths(part, usual)) for part in whole)))
    return whole, usual


def _check_number(count: int) -> None:
    if count > MOST:
        raise NothingFound(f"no number was found: {count} marks are on the picture, at most {MOST} are looked at")


@dataclass(frozen=True)
class _Page:
    """The ink, the number of the component at each of its pixels, int32 [H, W], and the size of the picture as sent."""

    found: ink.Ink
    labels: parts.Labels
    size: tuple[int, int]


_Mark = tuple[Part, Found]


def _judged(marks: list[list[list[_Mark]]], judge: Judge) -> list[list[list[_Mark]]]:
    """The same marks with the judge's verdicts, which it gives all at once."""
    every = [mark for each in marks for way in each for mark in way]
    verdicts = iter(judge([_thumbnail(found.picture) for _, found in every], [found.picture for _, found in every]))
    return [[[(part, replace(found, verdict=next(verdicts))) for part, found in way] for way in each] for each in marks]


def _thumbnail(picture: UInt8) -> UInt8:
    """What the judge sees of a mark as it stands on the page: dark on white."""
    return thumbnail(np.asarray(255 - cv2.resize(picture, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)))


def _best(ways: list[list[_Mark]]) -> list[_Mark]:
    """The way with the fewest digits of which the judge takes each for one; else that of whose worst it thinks most."""

    def worst(way: list[_Mark]) -> float:
        return min(found.verdict.score if found.verdict else 0.0 for _, found in way)

    likely = [way for way in ways if worst(way) >= 0.5]
    fewest = min(map(len, likely), default=0)
    return max([way for way in likely if len(way) == fewest] or ways, key=worst)


def _lines(marks: list[_Mark]) -> list[list[_Mark]]:
    """Grouped into lines: a part belongs to the line whose height it shares for the most part, at that place."""
    lines: list[list[_Mark]] = []
    for mark in sorted(marks, key=lambda mark: mark[0].left):
        shares = [_shared(line[-1][0], mark[0]) for line in lines]
        if shares and max(shares) >= 0.4:
            lines[int(np.argmax(shares))].append(mark)
        else:
            lines.append([mark])
    return sorted(lines, key=lambda line: float(np.mean([part.top + part.bottom for part, _ in line])))


def _shared(a: Part, b: Part) -> float:
    """How much of the lower one's height lies beside the other; lines may slope, so neighbours are compared."""
    return (min(a.bottom, b.bottom) - max(a.top, b.top)) / max(1, min(a.height, b.height))


def _mark(page: _Page, part: Part) -> _Mark:
    """A part, and the digit that it is: its box in the picture as sent, and what networks see."""
    inside = parts.inside(part, page.labels)
    amount = page.found.amount[part.top : part.bottom, part.left : part.right]
    (width, height), (high, wide) = page.size, page.labels.shape
    left, right = (round(corner * width / wide) for corner in (part.left, part.right))
    top, bottom = (round(corner * height / high) for corner in (part.top, part.bottom))
    left, top = min(left, width - 1), min(top, height - 1)
    box = left, top, max(1, right - left), max(1, bottom - top)
    return part, Found(box, digit.place(amount, inside, []))
