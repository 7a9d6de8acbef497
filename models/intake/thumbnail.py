"""What the small networks see of a picture as it was sent: 64x64 grey pixels, made once for both."""

from __future__ import annotations

import cv2
import numpy as np

from models.intake.pixels import UInt8, border, bounds, fit, luminance

SIDE = 64
SMALLEST = 16  # pixels: of less no closer look is of use
LOOKED = 320  # pixels: on a picture shrunk to this it is seen whether it is mostly plain ground


def thumbnail(pixels: UInt8) -> UInt8:
    """uint8 [H, W] or [H, W, 3] -> uint8 [64, 64]: grey, squeezed into a square, stretched to the full range, so that a
    thin line on a wide canvas is seen as well as a photograph.
    """
    grey = _near(luminance(pixels))
    shrinks = max(grey.shape) > SIDE
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    low, high = int(small.min()), int(small.max())
    stretched = (small.astype(np.float32) - low) * (255 / max(high - low, 1))
    return np.asarray(stretched, np.uint8)


def _near(grey: UInt8) -> UInt8:
    """The square round what is seen, twice as wide, if it fills less than half of a plain ground; else all of it: what
    is small looks like a digit, whatever it is. uint8 [H, W] -> uint8 [h, w].
    """
    small, _ = fit(grey, LOOKED)
    away = np.abs(small.astype(np.int16) - int(np.median(border(small))))
    seen = bounds(away > max(8, away.max() / 4))
    if seen is None:
        return grey
    longest = max(seen.bottom - seen.top, seen.right - seen.left)
    if not SMALLEST <= longest <= min(small.shape) / 2:
        return grey
    corner = (seen.top + seen.bottom) // 2 - longest, (seen.left + seen.right) // 2 - longest
    top, left = (int(np.clip(at, 0, side - 2 * longest)) for at, side in zip(corner, small.shape, strict=True))
    return small[top : top + 2 * longest, left : left + 2 * longest]
