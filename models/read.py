"""Where the digits of a number are on a picture, line by line, and what a network sees of each: ``find(image)``.

The ink of the whole picture is found once (``models.ink``) and cut into its connected parts. Rulings and specks are
left out, pieces of one digit are put together, and what is too wide to be one digit is cut where the ink is thinnest.
Each digit is then placed as MNIST's authors placed theirs (``models.digit``). What a part shows is for the networks to
say: letters are found as well.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from models import digit, ink
from models.ink import Mask
from models.picture import NothingFound, Step, UInt8

WORKING = 1280  # pixels: larger pictures are shrunk to this first; a line of 40 digits has 30 for each
SMALL = 0.55  # of the usual height: a part that is lower may be a piece of a digit
SPECK = 0.25  # of the usual height: a part that is smaller in both directions is dirt, unless a digit is near
DIRT = 0.12  # of the usual height: what is smaller is nothing at all
MOST = 1000  # marks; each has 40x40 pixels on a full page then, and noise has more
WIDE = 1.3  # widths above so many heights are more than one digit
ASPECT = 0.72  # width of a written digit as a share of its height, with which touching ones are counted


@dataclass(frozen=True)
class Found:
    """One digit: its ``box`` (left, top, width, height) in pixels of the picture as sent, and ``picture``, uint8
    [28, 28], what a network sees of it.
    """

    box: tuple[int, int, int, int]
    picture: UInt8


@dataclass(frozen=True)
class _Part:
    """A region of the mask: its bounds, and the labels of the components in it."""

    left: int
    top: int
    right: int
    bottom: int
    labels: tuple[int, ...]

    @property
    def width(self) -> int:
        return self.right - self.left

    @property
    def height(self) -> int:
        return self.bottom - self.top


def find(image: Image.Image) -> list[list[Found]]:
    """The digits on ``image`` (mode L or RGB, any size): lines from top to bottom, each from left to right.

    Raises NothingFound if there is no ink, or nothing but rulings and specks.
    """
    steps: list[Step] = []
    found = ink.find(np.asarray(image), steps, WORKING)
    _, regions, stats, _ = cv2.connectedComponentsWithStats(found.mask.astype(np.uint8), connectivity=8)
    labels = np.asarray(regions, np.int32)
    parts = _parts(np.asarray(stats[1:]), found.mask.shape)
    if not parts:
        raise NothingFound("no digits were found: there is nothing but rulings on the picture")
    usual = _usual_height(parts)
    parts = [part for part in parts if max(part.width, part.height) >= DIRT * usual]
    if len(parts) > MOST:
        raise NothingFound(f"no number was found: {len(parts)} marks are on the picture, at most {MOST} are looked at")
    whole = [piece for part in _joined(parts, usual) for piece in _cut(part, labels, usual)]
    return [[_found(part, labels, found, image.size) for part in line] for line in _lines(whole)]


def _parts(stats: npt.NDArray[np.int32], shape: tuple[int, int]) -> list[_Part]:
    """The components without those that are rulings or the picture's border."""
    boxes, areas = stats[:, :4].astype(float), stats[:, 4].astype(float)
    rulings = digit.edge_lines(boxes, areas, *shape) | _rulings(boxes, areas, *shape)
    parts = []
    for number, (left, top, width, height) in enumerate(stats[:, :4].tolist()):
        if not rulings[number]:
            parts.append(_Part(left, top, left + width, top + height, (number + 1,)))
    return parts


def _rulings(
    boxes: npt.NDArray[np.float64], areas: npt.NDArray[np.float64], height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Lines across most of the picture, and grids: as large as the picture, and nearly empty."""
    wide, high = boxes[:, 2], boxes[:, 3]
    lines = (wide > 0.5 * width) & (high < 0.1 * wide) | (high > 0.7 * height) & (wide < 0.03 * high)
    grids = (wide > 0.6 * width) & (high > 0.6 * height) & (areas < 0.12 * wide * high)
    return np.asarray(lines | grids, bool)


def _usual_height(parts: list[_Part]) -> float:
    """Of a digit on this picture: the median of what is not much lower than the highest."""
    heights = np.array([part.height for part in parts])
    return float(np.median(heights[heights >= 0.4 * heights.max()]))


def _joined(parts: list[_Part], usual: float) -> list[_Part]:
    """Pieces put to the digit that they belong to; specks that belong to none are left out."""
    digits = [part for part in parts if part.height >= SMALL * usual]
    for piece in (part for part in parts if part.height < SMALL * usual):
        gaps = _gaps(digits, piece)
        near = int(gaps.argmin())
        if gaps[near] <= 0.15 * usual and _fits(digits[near], piece):
            digits[near] = _together(digits[near], piece)
        elif max(piece.width, piece.height) >= SPECK * usual and piece.height >= 0.5 * piece.width:
            digits.append(piece)  # a smaller digit, by itself
    return digits


def _gaps(parts: list[_Part], to: _Part) -> npt.NDArray[np.float64]:
    """The distance in pixels of each part's bounds from those of another: float64 [N]."""
    left, top, right, bottom = np.array([(part.left, part.top, part.right, part.bottom) for part in parts]).T
    across = np.maximum(np.maximum(left - to.right, to.left - right), 0)
    down = np.maximum(np.maximum(top - to.bottom, to.top - bottom), 0)
    return np.asarray(np.hypot(across, down))


def _fits(a: _Part, b: _Part) -> bool:
    both = _together(a, b)
    return both.width <= max(WIDE * both.height, a.width) and both.height <= 1.5 * a.height


def _together(a: _Part, b: _Part) -> _Part:
    corners = min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)
    return _Part(*corners, a.labels + b.labels)


def _cut(part: _Part, labels: npt.NDArray[np.int32], usual: float) -> list[_Part]:
    """Digits that touch, apart: cut near where equal shares would end, in the column with the least ink."""
    high = max(part.height, usual)  # a low wide 0 is one digit
    count = round(part.width / (ASPECT * high)) if part.width > WIDE * high else 1
    if count < 2:
        return [part]
    columns = _inside(part, labels).sum(axis=0)
    share = part.width / count
    cuts = [0]
    for number in range(1, count):
        middle, reach = number * share, max(1, share / 3)
        start, end = max(cuts[-1] + 1, round(middle - reach)), min(part.width - 1, round(middle + reach) + 1)
        away = np.abs(np.arange(start, end) - middle) / share
        cuts.append(start + int(np.argmin(columns[start:end] + 0.3 * part.height * away)) if end > start else start)
    cuts.append(part.width)
    pieces = [replace(part, left=part.left + a, right=part.left + b) for a, b in pairwise(cuts)]
    return [_tightened(piece, labels) for piece in pieces if _inside(piece, labels).any()]


def _inside(part: _Part, labels: npt.NDArray[np.int32]) -> Mask:
    """bool [h, w]: the ink of a part, within its bounds."""
    return np.isin(labels[part.top : part.bottom, part.left : part.right], part.labels)


def _tightened(part: _Part, labels: npt.NDArray[np.int32]) -> _Part:
    inside = _inside(part, labels)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    left, top = part.left + int(columns[0]), part.top + int(rows[0])
    right, bottom = part.left + int(columns[-1]) + 1, part.top + int(rows[-1]) + 1
    return replace(part, left=left, top=top, right=right, bottom=bottom)


def _lines(parts: list[_Part]) -> list[list[_Part]]:
    """Grouped into lines: a part belongs to the line whose height it shares for the most part, at that place."""
    lines: list[list[_Part]] = []
    for part in sorted(parts, key=lambda part: part.left):
        shares = [_shared(line[-1], part) for line in lines]
        if shares and max(shares) >= 0.4:
            lines[int(np.argmax(shares))].append(part)
        else:
            lines.append([part])
    return sorted(lines, key=lambda line: float(np.mean([part.top + part.bottom for part in line])))


def _shared(a: _Part, b: _Part) -> float:
    """How much of the lower one's height lies beside the other; lines may slope, so neighbours are compared."""
    return (min(a.bottom, b.bottom) - max(a.top, b.top)) / max(1, min(a.height, b.height))


def _found(part: _Part, labels: npt.NDArray[np.int32], found: ink.Ink, size: tuple[int, int]) -> Found:
    inside = _inside(part, labels)
    amount = found.amount[part.top : part.bottom, part.left : part.right]
    corners = [round(corner / found.factor) for corner in (part.left, part.top, part.right, part.bottom)]
    left, top = min(corners[0], size[0] - 1), min(corners[1], size[1] - 1)
    box = left, top, max(1, min(corners[2], size[0]) - left), max(1, min(corners[3], size[1]) - top)
    return Found(box, digit.place(amount, inside, []))
