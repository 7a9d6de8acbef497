"""From a picture of clothing to Fashion-MNIST's 28x28: find the garment, then the steps of Fashion-MNIST's authors.

They took catalogue pictures on a white ground, trimmed the edges whose colour is within 5 % of the corner's, scaled
the longest edge to 28, sharpened, extended to 28x28 with the garment in the middle, negated, and turned to grey
(Xiao et al., 2017, section 2). A photograph taken at home has no white ground: the garment is found first, and
everything else made white.

Otherwise than theirs: the picture turns grey first, which saves two thirds of the work, so that what sharpening takes
beyond black or white is cut off once and not by channel; it is scaled by the means of areas, not by leaving rows out;
and the tolerance, their number, is one of CIELAB units, by which equal distances look equally far.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.datasets import SIDE
from models.intake.pixels import Box, Float, Mask, UInt8, border, bounds, fit, grey_of, luminance
from models.intake.steps import NothingFound, Step

WORKING = 256  # pixels
# Pixels. GrabCut's cost grows faster than the area: on 950 photographs 96 does as well as 128 (33 gained, 37 lost) in
# half the time, 80 worse (39 gained, 51 lost).
CUT = 96
FEW_COLOURS = 16  # of 4,096; the plainest of 290 photographs has 41
PLAIN = 10.0  # CIELAB units (CIE 1976): a border whose colours spread less is a plain ground
TRIM = 0.05  # the authors' tolerance
FRAME = 3.0  # CIELAB units: so little the colours of a drawn frame spread
INSIDE = 0.7  # of the picture's sides: a frame leaves at least so much
LEAST = 5  # pixels of its inside with edges
STRAIGHT = 0.98  # of an edge of the picture in it: garments have round corners
BLACK = 5.0  # CIELAB lightness, of 100: a ground this dark behind a grey picture was negated already
BLANK = 6  # of 255: what differs less is one colour
NOISE = 30  # of 255: no camera's noise on a well lit ground has so wide a range
SPECKS = 0.2  # percent of the pixels at each end that may be specks
SMALL, FULL = 0.05, 0.97  # a garment that fills less or more of the picture than this was not told from its ground


def prepare(pixels: UInt8, steps: list[Step]) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [28, 28], garment bright on black; appends what was done to ``steps``.

    Raises NothingFound if the picture is of one colour.
    """
    colour = pixels if pixels.ndim == 3 else np.repeat(pixels[:, :, None], 3, axis=2)
    working, factor = fit(colour, WORKING)
    if factor != 1:
        steps.append(Step("scale", {"factor": round(factor, 4), "size": [working.shape[1], working.shape[0]]}))
    _check_blank(working)
    ground, spread, apart = _ground(working)
    if spread < FRAME and (inside := _framed(apart)) is not None:
        steps.append(Step("inside", {"box": list(inside)}))
        working = np.ascontiguousarray(working[inside.crop])
        ground, spread, apart = _ground(working)
    if spread < PLAIN:
        mask = _plain_mask(apart, spread)
        steps.append(
            Step("ground", {"kind": "plain", "lab": [round(float(v), 1) for v in ground], "spread": round(spread, 1)})
        )
    else:
        mask = _grab_cut(working)
        steps.append(Step("ground", {"kind": "busy", "spread": round(spread, 1)}))
    mask = _main_part(mask)
    steps.append(Step("garment", {"share": round(float(mask.mean()), 3)}))
    negated = spread < PLAIN and float(ground[0]) < BLACK and grey_of(working) is not None
    return _authors_steps(working, mask, negated, steps)


def _ground(rgb: UInt8) -> tuple[Float, float, Float]:
    """The CIELAB colour float32 [3] of a border, how far its colours spread, and how far each pixel, [H, W], is off."""
    lab = np.asarray(cv2.cvtColor(rgb.astype(np.float32) / 255, cv2.COLOR_RGB2LAB))
    ring = border(lab)
    ground = np.asarray(np.median(ring, axis=0), np.float32)
    spread = float(np.percentile(np.linalg.norm(ring - ground, axis=1), 80))
    return ground, spread, np.asarray(np.linalg.norm(lab - ground, axis=2), np.float32)


def _framed(apart: Float) -> Box | None:
    """The picture in a frame of one colour: a rectangle with straight edges, as no garment is. Else its ground would be
    taken for the garment's. In pixels of ``apart`` [H, W]; None if there is no frame.
    """
    other = apart > 100 * TRIM
    box = bounds(other)
    if box is None:
        return None
    height, width = other.shape
    wide, high = box.right - box.left, box.bottom - box.top
    if wide < max(LEAST, INSIDE * width) or high < max(LEAST, INSIDE * height):
        return None
    rim = max(2, round(0.02 * min(height, width)))
    inner = Box(box.left + rim, box.top + rim, box.right - rim, box.bottom - rim)
    across, down = other[[box.top + 1, box.bottom - 2]].sum(1), other[:, [box.left + 1, box.right - 2]].sum(0)
    straight = across.min() >= STRAIGHT * wide and down.min() >= STRAIGHT * high
    return inner if straight and min(box.left, box.top, width - box.right, height - box.bottom) > 0 else None


def _check_blank(rgb: UInt8) -> None:
    """NothingFound where all colours are one, but for a camera's noise and specks."""
    smooth = np.asarray(cv2.GaussianBlur(rgb, (0, 0), 1.0), np.uint8)
    if _contrast(rgb) >= NOISE or min(_contrast(rgb), _contrast(smooth)) >= BLANK:
        return
    told = f"but for specks and noise its colours differ by less than {BLANK} of 255"
    raise NothingFound(f"the picture is blank: {told}; more is needed to see a garment")


def _contrast(rgb: UInt8) -> float:
    """How far the darkest and the brightest of all but a few pixels are apart, in the channel with most."""
    low, high = np.percentile(rgb.reshape(-1, 3), (SPECKS, 100 - SPECKS), axis=0)
    return float((high - low).max())


def _plain_mask(apart: Float, spread: float) -> Mask:
    """What differs from a plain ground; holes are filled, since a white shirt on white shows its outline and little
    else.
    """
    near = max(0.8 * 100 * TRIM, 2 * spread)  # a little below theirs: the mask is closed and filled afterwards
    mask = cv2.morphologyEx((apart > near).astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return _filled(np.asarray(mask > 0))


def _grab_cut(rgb: UInt8) -> Mask:
    """The garment on a busy ground: GrabCut (Rother et al., 2004), which starts from all but a frame of the
    picture.
    """
    small, _ = fit(rgb, CUT)
    height, width = small.shape[:2]
    mask = np.full((height, width), cv2.GC_PR_BGD, np.uint8)
    y, x = np.mgrid[0:height, 0:width]
    inner = ((x - width / 2) / (0.42 * width)) ** 2 + ((y - height / 2) / (0.45 * height)) ** 2 < 1
    mask[inner] = cv2.GC_PR_FGD
    edge = max(1, round(0.02 * min(height, width)))
    mask[:edge], mask[-edge:], mask[:, :edge], mask[:, -edge:] = (cv2.GC_BGD,) * 4
    cv2.setRNGSeed(0)  # its k-means draws: the same picture must give the same answer
    try:
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(_dithered(small), mask, (0, 0, 1, 1), *models, 2, cv2.GC_INIT_WITH_MASK)
    except cv2.error:  # too small a picture, or one of two colours, for its colour models
        return np.ones(rgb.shape[:2], bool)
    found = np.isin(mask, (cv2.GC_FGD, cv2.GC_PR_FGD))
    if not SMALL < found.mean() < FULL:
        return np.ones(rgb.shape[:2], bool)
    whole = cv2.resize(found.astype(np.float32), (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR) > 0.5
    return _filled(whole)


def _dithered(rgb: UInt8) -> UInt8:
    """With a little noise where there are few colours, as in a drawing: on large equal areas GrabCut takes ten times as
    long.
    """
    if len(np.unique((rgb >> 4).reshape(-1, 3), axis=0)) > FEW_COLOURS:
        return rgb
    noise = np.random.default_rng(0).integers(-8, 9, rgb.shape)
    return np.asarray(np.clip(rgb.astype(np.int16) + noise, 0, 255), np.uint8)


def _filled(mask: Mask) -> Mask:
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    filled = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(filled, contours, -1, 1, cv2.FILLED)
    return filled > 0


def _main_part(mask: Mask) -> Mask:
    """The largest component and those a tenth as large (a pair of shoes); everything, if there is none."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count < 2:
        return np.ones(mask.shape, bool)
    areas = stats[1:, 4]
    return np.isin(labels, np.flatnonzero(areas >= 0.1 * areas.max()) + 1)


def _authors_steps(rgb: UInt8, mask: Mask, negated: bool, steps: list[Step]) -> UInt8:
    """Trim, scale the longest edge to 28, sharpen, extend, negate (unless ``negated`` already): in grey throughout."""
    box = bounds(mask)
    assert box is not None  # _main_part never leaves nothing
    steps.append(Step("trim", {"box": list(box)}))
    grey = luminance(rgb)[box.crop].astype(np.float32)
    negative = (grey if negated else 255 - grey) * mask[box.crop]
    scale = SIDE / max(negative.shape)
    size = max(1, round(negative.shape[1] * scale)), max(1, round(negative.shape[0] * scale))
    small = cv2.resize(negative, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    sharp = small + 0.5 * (small - cv2.GaussianBlur(small, (0, 0), 1.0))
    steps.append(Step("scale to 28 and sharpen", {"size": list(size)}))
    top, left = (SIDE - size[1]) // 2, (SIDE - size[0]) // 2
    picture = np.zeros((SIDE, SIDE), np.uint8)
    picture[top : top + size[1], left : left + size[0]] = np.clip(np.rint(sharp), 0, 255)
    steps.append(Step("extend" if negated else "extend and negate", {"left": left, "top": top}))
    return picture
