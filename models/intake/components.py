"""Which connected parts of the ink make up one digit, and which are a table's lines, specks, or something beside it."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models.intake.pixels import Mask
from models.intake.steps import NothingFound, Step

EDGE = 0.02  # of the picture's side: what is nearer to its edge, by a pixel more, touches it
HOLLOW = 0.4  # of its box's area: what a plate leaves free in a corner fills 0.2
QUARTER = 0.55  # of the picture's sides: such a corner is no larger
FILLS = 0.65  # of the picture's side: pieces at the edge belong to a digit that is as large as this

Boxes = npt.NDArray[np.float64]  # left, top, width, height: [N, 4]


def of_digit(mask: Mask, steps: list[Step]) -> Mask:
    """The part of a mask bool [H, W] that is one digit: without lines at the edge, specks, and what stands apart.

    Appends what was done to ``steps``. NothingFound if there is nothing but such lines.
    """
    _, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes, areas = stats[1:, :4].astype(float), stats[1:, 4].astype(float)
    height, width = mask.shape
    lines = edge_lines(np.asarray(labels), np.asarray(stats[1:]))
    filled = (boxes[:, 2] > 0.8 * width) & (boxes[:, 3] > 0.8 * height) & (areas > 0.97 * boxes[:, 2] * boxes[:, 3])
    across = (boxes[:, 2] >= 0.9 * width) | (boxes[:, 3] >= 0.9 * height)
    if (lines & across).all() or filled.any():
        raise NothingFound("nothing but a border or lines at the edges was found; a digit should stand between them")
    if lines.all():  # a 1 at the edge is as thin
        lines &= across
    aside = lines | _cut_off(boxes, height, width) | _corners(boxes, areas, height, width)
    off_centre = np.hypot(centres[1:, 0] / width - 0.5, centres[1:, 1] / height - 0.5)
    weight = np.maximum(boxes[:, 2], boxes[:, 3]) * np.sqrt(areas) * (1.2 - off_centre)
    main = int(np.argmax(np.where(lines if aside.all() else aside, -1, weight)))
    near = np.array([_belongs(boxes[main], box, areas[main], area) for box, area in zip(boxes, areas, strict=True)])
    kept = near & (~aside | _along(boxes[main], boxes, height, width))
    kept[main] = True
    dropped = {"lines": int((lines & ~kept).sum()), "others": int((~lines & ~kept).sum())}
    steps.append(Step("components", {"kept": int(kept.sum()), "dropped": dropped}))
    return np.asarray(np.concatenate([[False], kept])[labels], bool)


def edge_lines(labels: npt.NDArray[np.int32], stats: npt.NDArray[np.int32]) -> Mask:
    """Which of OpenCV's components (``labels`` [H, W], from 1; ``stats`` [N, 5]) are borders or ruled lines: at the
    picture's edge, and long and thin, or running round the edge.
    """
    height, width = labels.shape
    boxes = stats[:, :4].astype(float)
    _, _, wide, high = boxes.T
    beside, above_or_below = _touching(boxes, height, width)
    touches = beside | above_or_below
    flat = (wide > 0.5 * width) & (high < 0.15 * height) | (high > 0.5 * height) & (wide < 0.12 * width) & beside
    around = (wide > 0.8 * width) & (high > 0.8 * height)
    if around.any():  # a large thin 0 reaches as far, but not into the corners
        rows, columns = (slice(round(0.1 * side), side - round(0.1 * side)) for side in labels.shape)
        within = np.bincount(labels[rows, columns].ravel(), minlength=len(stats) + 1)[1:]
        around &= within < 0.1 * stats[:, 4]
    return np.asarray(touches & (flat | around), bool)


def _cut_off(boxes: Boxes, height: int, width: int) -> Mask:
    """Which boxes touch the picture's edge and lie in its outer fifth: what stands beside the digit, cut off."""
    left, top, wide, high = boxes.T
    reach = np.stack([(left + wide) / width, (top + high) / height, (width - left) / width, (height - top) / height])
    return np.asarray(np.logical_or(*_touching(boxes, height, width)) & (reach.min(0) < 0.2), bool)


def _corners(boxes: Boxes, areas: npt.NDArray[np.float64], height: int, width: int) -> Mask:
    """Which parts lie in the picture's corners, two or more of them, as what a round plate leaves free does."""
    _, _, wide, high = boxes.T
    cornered = np.logical_and(*_touching(boxes, height, width)) & (areas < HOLLOW * wide * high)
    cornered &= (wide < QUARTER * width) & (high < QUARTER * height)
    return np.asarray(cornered & (cornered.sum() > 1))


def _touching(boxes: Boxes, height: int, width: int) -> tuple[Mask, Mask]:
    """Which boxes touch the picture's left or right edge, and which its upper or lower one."""
    left, top, wide, high = boxes.T
    beside = np.minimum(left, width - left - wide) <= EDGE * width + 1
    return beside, np.minimum(top, height - top - high) <= EDGE * height + 1


def _along(main: Boxes, boxes: Boxes, height: int, width: int) -> Mask:
    """Which boxes lie along ``main`` [4], which fills the picture in the other direction, and do not reach from edge to
    edge: at the edge they are its own pieces.
    """
    left, top, wide, high = boxes.T
    across = (left >= main[0] - 0.1 * main[2]) & (left + wide <= main[0] + 1.1 * main[2])
    down = (top >= main[1] - 0.1 * main[3]) & (top + high <= main[1] + 1.1 * main[3])
    across &= (main[3] > FILLS * height) & (wide < 0.98 * width)
    down &= (main[2] > FILLS * width) & (high < 0.98 * height)
    return np.asarray(np.where(wide >= high, across, down), bool)


def _belongs(main: Boxes, other: Boxes, main_area: float, area: float) -> bool:
    """Whether a component is a piece of the same digit: near in proportion to the digit, and more than a speck."""
    gap_x = max(main[0] - (other[0] + other[2]), other[0] - (main[0] + main[2]), 0.0)
    gap_y = max(main[1] - (other[1] + other[3]), other[1] - (main[1] + main[3]), 0.0)
    return area >= 0.02 * main_area and float(np.hypot(gap_x, gap_y)) <= 0.25 * max(main[2], main[3])
