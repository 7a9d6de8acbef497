"""Pixels as arrays, and what is done to them everywhere: grey, shrink, the border, what a mask spans."""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

UInt8 = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]
Kind = TypeVar("Kind", bound=np.generic)


class Box(NamedTuple):
    """A rectangle of pixels; ``right`` and ``bottom`` are one past its last column and row."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def crop(self) -> tuple[slice, slice]:
        """The index of its pixels in an array [H, W, ...]."""
        return slice(self.top, self.bottom), slice(self.left, self.right)


def bounds(mask: Mask) -> Box | None:
    """The smallest box that holds every True of a mask bool [H, W]; None if there is none."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)


def grey_of(pixels: UInt8) -> UInt8 | None:
    """uint8 [H, W] of uint8 [H, W] or [H, W, 3] without colour; WebP's and JPEG's channels may differ by 2. None of
    a picture in colour.
    """
    if pixels.ndim == 2:
        return pixels
    if int(np.ptp(pixels, axis=2).max()) > 2:
        return None
    return luminance(pixels)  # of equal channels exactly their value


def luminance(pixels: UInt8) -> UInt8:
    """uint8 [H, W] of uint8 [H, W] or [H, W, 3]: its brightness."""
    return pixels if pixels.ndim == 2 else np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)


def fit(pixels: UInt8, longest: int) -> tuple[UInt8, float]:
    """Shrink to at most ``longest`` pixels a side, each new pixel the mean of those it covers; also the factor (<=
    1).
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, longest / max(height, width))
    if factor == 1:
        return pixels, 1.0
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


def border(pixels: npt.NDArray[Kind], share: float = 0.03) -> npt.NDArray[Kind]:
    """The pixels of a frame ``share`` of the shorter side wide (one at least): [K] or [K, 3]."""
    wide = max(1, round(share * min(pixels.shape[:2])))
    inner = pixels[wide:-wide]
    parts = [pixels[:wide], pixels[-wide:], inner[:, :wide], inner[:, -wide:]]
    return np.concatenate([part.reshape(-1, *pixels.shape[2:]) for part in parts])
