"""The connected parts of a page's ink, put together and cut so that each is one digit: what ``intake.read`` reads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from models.intake import components
from models.intake.pixels import Mask, bounds

SMALL = 0.55  # of the usual height: a part that is lower may be a piece of a digit, or a comma
SPECK = 0.25  # of the usual height: a part that is smaller in both directions is dirt, unless a digit is near
BESIDE = 1.5  # usual heights: what is small and as near as this to a digit on its line is no digit
DASH = 12  # widths above so many heights are lines, not digits
ASPECT = 0.72  # width of a written digit as a share of its height, with which touching ones are counted
WIDE = 1.8  # digits' widths: what is wider is more than one digit, where nobody judges
SLIM = 1.05  # digits' widths: what is no wider is one digit
PULLS = 0.3, 1.0, 3.0  # how strongly cuts are drawn to equal shares: where somebody judges, all are tried

Labels = npt.NDArray[np.int32]  # of each pixel the component that it belongs to, from 1; 0 is the ground: [H, W]


@dataclass(frozen=True)
class Part:
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


def of_components(labels: Labels, stats: Labels) -> list[Part]:
    """The components without those that are rulings or the picture's border."""
    boxes, areas = stats[:, :4].astype(float), stats[:, 4].astype(float)
    rulings = components.edge_lines(labels, stats) | _rulings(boxes, areas, *labels.shape)
    return [
        Part(left, top, left + width, top + height, (number + 1,))
        for number, (left, top, width, height) in enumerate(stats[:, :4].tolist())
        if not rulings[number]
    ]


def _rulings(
    boxes: npt.NDArray[np.float64], areas: npt.NDArray[np.float64], height: int, width: int
) -> npt.NDArray[np.bool_]:
    """Dashes, lines down most of the picture, and grids: as large as the picture, and nearly empty."""
    wide, high = boxes[:, 2], boxes[:, 3]
    lines = (wide > DASH * high) | (high > 0.7 * height) & (wide < 0.03 * high)
    grids = (wide > 0.6 * width) & (high > 0.6 * height) & (areas < 0.12 * wide * high)
    return np.asarray(lines | grids, bool)


def usual_height(parts: list[Part]) -> float:
    """Of a digit on this picture: the median of what is not much lower than the highest."""
    heights = np.array([part.height for part in parts])
    return float(np.median(heights[heights >= 0.4 * heights.max()]))


def joined(parts: list[Part], usual: float) -> list[Part]:
    """Pieces put to the digit that they belong to; specks and punctuation, which belong to none, are left out."""
    digits = [part for part in parts if part.height >= SMALL * usual]
    for piece in (part for part in parts if part.height < SMALL * usual):
        gaps = _gaps(digits, piece)
        near = int(gaps.argmin())
        if gaps[near] <= 0.15 * usual and _fits(digits[near], piece):
            digits[near] = _together(digits[near], piece)
        elif _may_be_a_digit(piece, usual) and not _on_the_line_of(digits[near], piece, usual):
            digits.append(piece)
    return digits


def _may_be_a_digit(piece: Part, usual: float) -> bool:
    """Whether a piece that is low for the picture may be a smaller digit, by itself."""
    return max(piece.width, piece.height) >= SPECK * usual and piece.height >= 0.5 * piece.width


def _on_the_line_of(full: Part, piece: Part, usual: float) -> bool:
    """Whether a small piece stands beside a digit of the usual height, as commas and apostrophes do."""
    gap = max(full.left - piece.right, piece.left - full.right, 0)
    middle = (piece.top + piece.bottom) / 2
    return full.height >= SMALL * usual and gap <= BESIDE * usual and full.top <= middle <= full.bottom + 0.3 * usual


def _gaps(parts: list[Part], to: Part) -> npt.NDArray[np.float64]:
    """The distance in pixels of each part's bounds from those of another: float64 [N]."""
    left, top, right, bottom = np.array([(part.left, part.top, part.right, part.bottom) for part in parts]).T
    across = np.maximum(np.maximum(left - to.right, to.left - right), 0)
    down = np.maximum(np.maximum(top - to.bottom, to.top - bottom), 0)
    return np.asarray(np.hypot(across, down))


def _fits(a: Part, b: Part) -> bool:
    both = _together(a, b)
    return both.width <= max(WIDE * ASPECT * both.height, a.width) and both.height <= 1.5 * a.height


def _together(a: Part, b: Part) -> Part:
    corners = min(a.left, b.left), min(a.top, b.top), max(a.right, b.right), max(a.bottom, b.bottom)
    return Part(*corners, a.labels + b.labels)


def widths(part: Part, usual: float) -> float:
    """How many digits' widths a part has: of its own height, or of the usual one, since a low wide 0 is one digit."""
    return part.width / (ASPECT * max(part.height, usual))


def by_width(part: Part, usual: float) -> int:
    """How many digits a part is, by its width alone."""
    return round(widths(part, usual)) if widths(part, usual) > WIDE else 1


def ways_to_cut(part: Part, labels: Labels, usual: float) -> list[list[Part]]:
    """How a part may be cut into digits, the fewest first: into as many as its width allows, at several places."""
    count = widths(part, usual)
    counts = {max(1, int(count)), int(np.ceil(count)) if count > SLIM else 1}
    ways = [
        cut(part, labels, number, pull) for number in sorted(counts) for pull in (PULLS if number > 1 else PULLS[:1])
    ]
    return [way for number, way in enumerate(ways) if way not in ways[:number]]


def cut(part: Part, labels: Labels, count: int, pull: float = PULLS[0]) -> list[Part]:
    """A part as ``count`` digits: cut where the ink is least, but near where equal shares would end; a column a share
    away counts as ``pull`` heights of ink more.
    """
    if count < 2:
        return [part]
    columns = inside(part, labels).sum(axis=0)
    share = part.width / count
    cuts = [0]
    for number in range(1, count):
        middle, reach = number * share, max(1, share / 3)
        start, end = max(cuts[-1] + 1, round(middle - reach)), min(part.width - 1, round(middle + reach) + 1)
        away = np.abs(np.arange(start, end) - middle) / share
        cuts.append(start + int(np.argmin(columns[start:end] + pull * part.height * away)) if end > start else start)
    cuts.append(part.width)
    pieces = [replace(part, left=part.left + a, right=part.left + b) for a, b in pairwise(cuts)]
    return [_tightened(piece, labels) for piece in pieces if inside(piece, labels).any()]


def inside(part: Part, labels: Labels) -> Mask:
    """bool [h, w]: the ink of a part, within its bounds."""
    return np.isin(labels[part.top : part.bottom, part.left : part.right], part.labels)


def _tightened(part: Part, labels: Labels) -> Part:
    ink = bounds(inside(part, labels))
    assert ink is not None  # only pieces with ink in them are kept
    left, right = part.left + ink.left, part.left + ink.right
    return replace(part, left=left, top=part.top + ink.top, right=right, bottom=part.top + ink.bottom)
