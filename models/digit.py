"""From a picture of a digit to MNIST's 28x28: find the ink, then place it as MNIST's authors did.

They fitted the digit into 20x20 pixels with its aspect kept, anti-aliased, and put its centre of mass into the
centre of 28x28 (LeCun et al., 1998, section III.A). What goes before finds the digit in the ink of ``models.ink``:
beside ruled lines, specks and other things.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models import ink
from models.ink import Mask
from models.picture import SIDE, Float, Step, UInt8, border, is_grey

BOX = 20  # pixels: the longer side of a digit of MNIST
WORKING = 640  # pixels: larger pictures are shrunk to this first
STROKE = 2.5  # pixels at MNIST's scale: thinner strokes are widened to this; MNIST's own median is 2.6
WHITE = 8  # of 255: paper may be this far from white where a picture is taken for one of MNIST's, negated
BOLD = 3.0  # pixels: bolder ones (print) are thinned to this


def prepare(pixels: UInt8, steps: list[Step]) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [28, 28], ink bright on black; appends what was done to ``steps``.

    Raises NothingFound if there is no ink.
    """
    if (placed := _placed_already(pixels)) is not None:
        steps.append(Step("negate", {"why": "28x28, grey, placed as MNIST's are, dark on white"}))
        return placed
    found = ink.find(pixels, steps, WORKING)
    kept = _digit(found.mask, steps)
    rows, columns = np.nonzero(kept.any(1))[0], np.nonzero(kept.any(0))[0]
    crop = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    steps.append(Step("crop", {"box": [int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1]}))
    return place(found.amount[crop], kept[crop], steps)


def _placed_already(pixels: UInt8) -> UInt8 | None:
    """The negative of a 28x28 picture of grey ink on white in which the digit is as large and where MNIST's are."""
    if pixels.shape[:2] != (SIDE, SIDE) or not is_grey(pixels):
        return None
    negative = 255 - (pixels if pixels.ndim == 2 else pixels[:, :, 0])
    if border(negative).max() > WHITE:
        return None
    rows, columns = (np.flatnonzero((negative > WHITE).any(axis)) for axis in (1, 0))
    if not len(rows) or not BOX - 2 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= BOX:
        return None
    mass = negative.astype(np.float64)
    middle = (SIDE - 1) / 2
    off = [float((mass.sum(axis) * (np.arange(SIDE) - middle)).sum() / mass.sum()) for axis in (1, 0)]
    return negative if max(map(abs, off)) <= 1 else None


def _digit(mask: Mask, steps: list[Step]) -> Mask:
    """The components that make up one digit: without lines of a table at the edge, specks, and what stands apart."""
    count, labels, stats, centres = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes, areas = stats[1:, :4].astype(float), stats[1:, 4].astype(float)
    height, width = mask.shape
    lines = edge_lines(boxes, areas, height, width)
    candidates = np.flatnonzero(~lines) if (~lines).any() else np.arange(count - 1)
    off_centre = np.hypot(centres[1:, 0] / width - 0.5, centres[1:, 1] / height - 0.5)
    extent = np.maximum(boxes[:, 2], boxes[:, 3])
    main = max(candidates, key=lambda k: extent[k] * np.sqrt(areas[k]) * (1.2 - off_centre[k]))
    kept = [k for k in candidates if k == main or _belongs(boxes[main], boxes[k], areas[main], areas[k])]
    dropped = {"lines": int(lines.sum()), "others": int(len(candidates) - len(kept))}
    steps.append(Step("components", {"kept": len(kept), "dropped": dropped}))
    return np.isin(labels, np.asarray(kept) + 1)


def edge_lines(boxes: npt.NDArray[np.float64], areas: npt.NDArray[np.float64], height: int, width: int) -> Mask:
    """Which components are borders or ruled lines: at the picture's edge, and long and thin or mostly outside its
    middle.
    """
    left, top, wide, high = boxes.T
    right, bottom = width - left - wide, height - top - high
    margin = 0.02 * max(height, width) + 1
    touches = np.minimum(np.minimum(left, right), np.minimum(top, bottom)) <= margin
    flat = (wide > 0.5 * width) & (high < 0.15 * height) | (high > 0.5 * height) & (wide < 0.12 * width) & (
        np.minimum(left, right) <= margin
    )
    frame = (wide > 0.8 * width) & (high > 0.8 * height) & (areas < 0.25 * wide * high)  # runs round the edge
    outer = (
        (left + wide < 0.2 * width)
        | (right + wide < 0.2 * width)
        | (top + high < 0.2 * height)
        | (bottom + high < 0.2 * height)
    )
    return np.asarray(touches & (flat | frame | outer), bool)


def _belongs(main: npt.NDArray[np.float64], other: npt.NDArray[np.float64], main_area: float, area: float) -> bool:
    """Whether a component is a piece of the same digit: near in proportion to the digit, and more than a speck."""
    gap_x = max(main[0] - (other[0] + other[2]), other[0] - (main[0] + main[2]), 0.0)
    gap_y = max(main[1] - (other[1] + other[3]), other[1] - (main[1] + main[3]), 0.0)
    return area >= 0.02 * main_area and float(np.hypot(gap_x, gap_y)) <= 0.25 * max(main[2], main[3])


def place(amount: Float, inside: Mask, steps: list[Step]) -> UInt8:
    """A digit that fills its crop, float32 ink and bool mask [h, w], with strokes of MNIST's width, placed as MNIST's
    authors did: uint8 [28, 28].
    """
    return _centred(_stroke(amount, inside, steps), steps)


def _stroke(amount: Float, inside: Mask, steps: list[Step]) -> Float:
    """The ink of the digit alone, its strokes as wide as MNIST's are. float32, 0 to 1, [h, w] or a little larger."""
    longest = max(inside.shape)
    padded = np.pad(inside, 2).astype(np.uint8)
    width = 4 * float(
        cv2.distanceTransform(padded, cv2.DIST_L2, 5)[padded > 0].mean()
    )  # of a long stroke: mean depth is w/4
    at_scale = width * BOX / longest
    wanted = float(np.clip(at_scale, STROKE, BOLD))
    steps.append(Step("stroke", {"width": round(at_scale, 2), "wanted": round(wanted, 2)}))
    change = (wanted - at_scale) * longest / BOX / 2  # pixels to each side
    if change == 0:
        near = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
        values = amount * near
        full = max(float(np.percentile(values[inside], 60)), float(values.max()) / 2)  # of a hairline most may be 0
        return np.asarray(np.clip(values / full, 0, 1), np.float32)
    if change < 0:  # at most a third of the stroke, so that its thinner parts stay
        depth = cv2.distanceTransform(padded, cv2.DIST_L2, 5)[2:-2, 2:-2]
        return np.asarray(np.clip(depth + max(change, -width / 6, -float(depth.max()) / 2), 0, 1), np.float32)
    grow = int(np.ceil(change)) + 1
    apart = cv2.distanceTransform((np.pad(inside, grow) == 0).astype(np.uint8), cv2.DIST_L2, 5)
    return np.asarray(np.clip(change + 0.5 - apart, 0, 1), np.float32)


def _centred(strokes: Float, steps: list[Step]) -> UInt8:
    """Fit into 20x20 and put the centre of mass at the centre of 28x28."""
    height, width = strokes.shape
    scale = BOX / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    small = np.asarray(cv2.resize(strokes, size, interpolation=interpolation), np.float32)
    small = np.asarray(small / max(float(small.max()), 1e-6), np.float32)
    mass = small.sum()
    row = float((small.sum(1) * (np.arange(size[1]) + 0.5)).sum() / mass)
    column = float((small.sum(0) * (np.arange(size[0]) + 0.5)).sum() / mass)
    top = int(np.clip(round(SIDE / 2 - row), 0, SIDE - size[1]))
    left = int(np.clip(round(SIDE / 2 - column), 0, SIDE - size[0]))
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[top : top + size[1], left : left + size[0]] = np.rint(255 * small)
    steps.append(Step("place", {"size": list(size), "left": left, "top": top}))
    return picture
