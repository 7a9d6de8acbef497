"""What a page with a digit leaves of the picture: on one side or more, the table that it lies on.

A band of another brightness along a whole side is no ink, but larger than any, and it shifts what counts as ground.
``page`` says where to look instead. A frame on all sides is left to ``surround``.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.intake.pixels import Box, Mask, UInt8, bounds, fit, luminance

LOOK = 96  # pixels: the picture is looked at with at most so many a side
WHOLE = 0.97  # of a line of pixels, or of the page's rim: what is of one brightness, but for noise
MOSTLY = 0.8  # the same of the rim where there is no band: ink may touch it
LEAST = 0.03  # of the picture's side: a narrower band is a line
PAGE = 0.4  # of the picture's sides: what is left of a smaller page is no page
SOFT = 0.08  # of the picture's side: so far a blurred or tilted edge may reach
INK = 0.3  # of the page's shorter side: what is smaller is no digit
EVEN = 0.4  # of the step from page to band: a band that varies more is no table, but a shadow with ink in it


def page(pixels: UInt8) -> Box | None:
    """Of uint8 [H, W] or [H, W, 3] the part, in its pixels, that one to three bands leave; None if there is none."""
    small, factor = fit(luminance(pixels), LOOK)
    level, _ = cv2.threshold(small, 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    dark = np.asarray(small <= level)
    for beyond in (dark, ~dark):
        if (box := _within(beyond)) is not None and _is_even(small, beyond, box):
            left, top, right, bottom = (round(side / factor) for side in box)
            return Box(left, top, min(right, pixels.shape[1]), min(bottom, pixels.shape[0]))
    return None


def _within(beyond: Mask) -> Box | None:
    """What the bands of a mask bool [h, w] leave, their soft edges not among it: its rim is free of them."""
    height, width = beyond.shape
    rows, columns = beyond.mean(1) >= WHOLE, beyond.mean(0) >= WHOLE
    bands = [_run(lines) for lines in (columns, rows, columns[::-1], rows[::-1])]
    sides = (width, height, width, height)
    wide = [band >= max(2, LEAST * side) for band, side in zip(bands, sides, strict=True)]
    if not 1 <= sum(wide) <= 3:
        return None
    inner = [band + round(SOFT * side) if it else 0 for band, side, it in zip(bands, sides, wide, strict=True)]
    box = Box(inner[0], inner[1], width - inner[2], height - inner[3])
    if box.right - box.left < PAGE * width or box.bottom - box.top < PAGE * height:
        return None
    inside = beyond[box.crop]
    ink = bounds(inside)
    if ink is None or max(ink.right - ink.left, ink.bottom - ink.top) < INK * min(inside.shape):
        return None
    rims = (inside[:, 0], inside[0], inside[:, -1], inside[-1])
    clean = all((~rim).mean() >= (WHOLE if it else MOSTLY) for rim, it in zip(rims, wide, strict=True))
    return box if clean else None


def _run(lines: Mask) -> int:
    """How many of them are true before the first that is not."""
    return int(np.argmin(lines)) if not lines.all() else len(lines)


def _is_even(small: UInt8, beyond: Mask, box: Box) -> bool:
    """Whether what is left out is of one brightness, so that no ink is among it."""
    outside = np.ones(small.shape, bool)
    outside[box.crop] = False
    band, ground = small[outside & beyond].astype(float), small[box.crop][~beyond[box.crop]].astype(float)
    if not len(band) or not len(ground):
        return False
    low, high = np.percentile(band, (2, 98))
    return bool(high - low < EVEN * abs(np.median(ground) - np.median(band)))
