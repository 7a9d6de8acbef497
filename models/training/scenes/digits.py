"""Digits as people send them, made from MNIST's: written large, printed, turned, scanned small.

Every function draws from the generator that it is given.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.intake.pixels import UInt8
from models.training.scenes.canvas import finish, on_canvas

Rng = np.random.Generator


def digit(rng: Rng, picture: UInt8) -> UInt8:
    """A picture uint8 [H, W] of a digit: MNIST's ``picture`` as it is, or written or printed on a canvas, dark or
    bright.
    """
    if rng.random() < 0.35:
        return finish(rng, picture)
    longest = int(rng.integers(20, 180))
    return on_canvas(rng, _printed(rng, longest) if rng.random() < 0.35 else written(rng, picture, longest))


def written(rng: Rng, picture: UInt8, longest: int) -> UInt8:
    """MNIST's strokes at another size and width: float-like uint8 [h, w], ink bright."""
    rows, columns = np.nonzero(picture.max(1))[0], np.nonzero(picture.max(0))[0]
    crop = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    scale = longest / max(crop.shape)
    large = cv2.resize(crop, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.5 and longest > 40:  # a thin line of that shape
        depth = cv2.distanceTransform((np.pad(large, 1) > 127).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
        ridge = depth >= cv2.dilate(depth, np.ones((3, 3), np.uint8)) - 0.3
        line = (ridge & (depth > 1)).astype(np.uint8) * 255
        side = int(rng.integers(1, 6))
        large = cv2.dilate(line, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    elif rng.random() < 0.3:  # a felt pen
        side = 1 + 2 * int(rng.integers(1, max(2, longest // 24)))
        large = cv2.dilate(large, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side)))
    return np.asarray(large, np.uint8)


def _printed(rng: Rng, longest: int) -> UInt8:
    """One of OpenCV's Hershey digits: uint8 [h, w], ink bright."""
    font = int(
        rng.choice(
            [cv2.FONT_HERSHEY_SIMPLEX, cv2.FONT_HERSHEY_DUPLEX, cv2.FONT_HERSHEY_COMPLEX, cv2.FONT_HERSHEY_TRIPLEX]
        )
    )
    text, thick = str(rng.integers(10)), int(rng.integers(1, 2 + longest // 12))
    scale = longest / 22
    (width, height), _ = cv2.getTextSize(text, font, scale, thick)
    canvas = np.zeros((height + 2 * thick + 2, width + 2 * thick + 2), np.uint8)
    cv2.putText(canvas, text, (thick, height + thick), font, scale, 255, thick, cv2.LINE_AA)
    return canvas


def sheared(rng: Rng, ink: UInt8) -> UInt8:
    """Ink uint8 [h, w] turned, slanted and stretched a little, as on a page photographed from the side."""
    height, width = ink.shape
    angle, slant = np.deg2rad(rng.normal(0, 5)), rng.normal(0, 0.08)
    stretch = np.exp(rng.normal(0, 0.08))
    turn = np.array([[np.cos(angle) * stretch, -np.sin(angle) + slant], [np.sin(angle), np.cos(angle)]])
    margin = max(height, width) // 2
    centre = np.array([width / 2, height / 2])
    matrix = np.column_stack([turn, centre + margin - turn @ centre])
    size = width + 2 * margin, height + 2 * margin
    moved = cv2.warpAffine(ink, matrix, size, flags=cv2.INTER_LINEAR)
    rows, columns = np.flatnonzero((moved > 20).any(1)), np.flatnonzero((moved > 20).any(0))
    return np.ascontiguousarray(moved[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]) if len(rows) else ink


def scanned(rng: Rng, picture: UInt8) -> UInt8:
    """MNIST's ``picture`` as a small scan or bitmap of 8 to 40 pixels that the digit fills: uint8 [h, w]."""
    rows, columns = np.flatnonzero((picture > 40).any(1)), np.flatnonzero((picture > 40).any(0))
    crop = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    side = int(rng.integers(8, 41))
    keeps_aspect = rng.random() < 0.5
    scale = side / max(crop.shape)
    size = (
        (max(3, round(crop.shape[1] * scale)), max(3, round(crop.shape[0] * scale))) if keeps_aspect else (side, side)
    )
    small = cv2.resize(crop, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    if rng.random() < 0.4:
        small = np.where(small > rng.integers(60, 180), 255, 0)
    margin = int(rng.integers(0, 3))
    small = np.pad(small, margin)
    return np.asarray(small if rng.random() < 0.6 else 255 - small, np.uint8)
