"""From a picture of a digit to MNIST's 28x28: find the ink, then place it as MNIST's authors did.

They fitted the digit into 20x20 pixels with its aspect kept, anti-aliased, and put its centre of mass into the
centre of 28x28 (LeCun et al., 1998, section III.A). What goes before finds the digit in the ink of ``intake.ink``:
beside ruled lines, specks and other things.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.datasets import SIDE
from models.intake import components, ink, margins, rulings, surround
from models.intake.pixels import Box, Float, Mask, UInt8, border, bounds, grey_of
from models.intake.steps import Step

BOX = 20  # pixels: the longer side of a digit of MNIST
WORKING = 640  # pixels: larger pictures are shrunk to this first
STROKE = 2.5  # pixels at MNIST's scale: thinner strokes are widened to this; MNIST's own median is 2.6
WHITE = 8  # of 255: paper may be this far from white where a picture is taken for one of MNIST's, negated
SURROUNDED = 2  # a sheet on a desk with a box on it
PAGES = 48  # pixels: a smaller picture is of no page
SURROUNDS = 20  # pixels: in a smaller picture strokes are no boxes
BEYOND = 0.08  # of the picture's width: how far rulings reach to both sides of a digit on them
BOLD = 3.0  # pixels: bolder ones (print) are thinned to this


def prepare(pixels: UInt8, steps: list[Step]) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [28, 28], ink bright on black; appends what was done to ``steps``.

    Raises NothingFound if there is no ink.
    """
    if (placed := _placed_already(pixels)) is not None:
        steps.append(Step("negate", {"why": "28x28, grey, placed as MNIST's are, dark on white"}))
        return placed
    found = _ink(pixels, steps)
    kept = components.of_digit(found.mask, steps)
    box = bounds(kept)
    assert box is not None  # one component at least is kept
    steps.append(Step("crop", {"box": list(box)}))
    return place(found.amount[box.crop], kept[box.crop], steps)


def _ink(pixels: UInt8, steps: list[Step]) -> ink.Ink:
    """The ink of the picture; of a page beside a table, or a box or a sheet that the digit stands in, that of its
    inside.
    """
    if max(pixels.shape) >= PAGES and (page := margins.page(pixels)) is not None:
        pixels = _inside(pixels, page, steps)
    found = ink.separate(pixels, steps, WORKING)
    for _ in range(SURROUNDED):
        box = surround.inside(found.mask) if max(pixels.shape) >= SURROUNDS else None
        box = box and Box(*(round(side / found.factor) for side in box))
        if box is None or not pixels[box.crop].size:  # of a strip nothing may be left within its rim
            break
        pixels = _inside(pixels, box, steps)
        found = ink.separate(pixels, steps, WORKING)
    return _unruled(found, steps)


def _inside(pixels: UInt8, box: Box, steps: list[Step]) -> UInt8:
    steps.append(Step("inside", {"box": list(box)}))
    return np.ascontiguousarray(pixels[box.crop])


def _unruled(found: ink.Ink, steps: list[Step]) -> ink.Ink:
    """The ink less lines that run from edge to edge. Where they do not reach beyond what else there is, to both sides,
    they are the bars of a digit that fills the picture.
    """
    width = found.mask.shape[1]
    lines = rulings.across(found.mask, 0.9)
    if not lines.any():
        return found
    rest = rulings.without(found, lines)
    stats = cv2.connectedComponentsWithStats(rest.mask.astype(np.uint8), connectivity=8)[2][1:]
    if not len(stats):
        return found
    left, _, wide, _, _ = stats[stats[:, 4].argmax()]
    if min(left, width - left - wide) < BEYOND * width:
        return found
    steps.append(Step("rulings", {"share": round(float(lines.mean()), 4)}))
    return rest


def _placed_already(pixels: UInt8) -> UInt8 | None:
    """The negative of a 28x28 picture of grey ink on white in which the digit is as large and where MNIST's are."""
    if pixels.shape[:2] != (SIDE, SIDE) or (grey := grey_of(pixels)) is None:
        return None
    negative = 255 - grey
    if border(negative).max() > WHITE:
        return None
    seen = bounds(negative > WHITE)
    if seen is None or not BOX - 2 <= max(seen.right - seen.left, seen.bottom - seen.top) <= BOX:
        return None
    mass = negative.astype(np.float64)
    middle = (SIDE - 1) / 2
    off = [float((mass.sum(axis) * (np.arange(SIDE) - middle)).sum() / mass.sum()) for axis in (1, 0)]
    return negative if max(map(abs, off)) <= 1 else None


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
