"""Digits drawn with a mouse or a finger: lines through a few points, round or angular, each time a little different.

MNIST's writers used pens and wrote as schools in the United States taught in 1990; people draw a 6 of straight
lines, a 7 with a bar, a 1 with a flag and a foot, a flat 0. Training material for the networks, drawn by ourselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from models.intake.pixels import UInt8

Line = tuple[tuple[float, float], ...]
Points = npt.NDArray[np.float64]

_BOX: Line = ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))
_ROUND: Line = ((0.5, 0), (0.9, 0.2), (1, 0.5), (0.9, 0.8), (0.5, 1), (0.1, 0.8), (0, 0.5), (0.1, 0.2), (0.5, 0))
_STEM: Line = ((0.5, 0), (0.5, 1))
_SEVEN: Line = ((0, 0), (1, 0), (0.4, 1))
_ANGULAR_FIVE: Line = ((1, 0), (0, 0), (0, 0.5), (1, 0.5), (1, 1), (0, 1))

# Ways to write each digit: each is some lines through points (x to the right, y downwards, both 0 to 1).
SHAPES: Mapping[int, tuple[tuple[Line, ...], ...]] = MappingProxyType(
    {
        0: ((_ROUND,), (_ROUND,), (_BOX,), (((0.3, 0), (1, 0.1), (0.8, 0.9), (0.1, 1), (0, 0.3), (0.4, 0)),)),
        1: (
            (_STEM,),
            (((0.1, 0.3), (0.5, 0), (0.5, 1)),),
            (((0.1, 0.25), (0.5, 0), (0.5, 1)), ((0, 1), (1, 1))),
            (((0.25, 0.15), (0.5, 0), (0.5, 1)),),
            (((0, 0.45), (0.6, 0), (0.6, 1)),),
        ),
        2: (
            (((0, 0.25), (0.2, 0.04), (0.6, 0), (0.95, 0.2), (0.8, 0.5), (0.3, 0.8), (0, 1)), ((0, 1), (1, 1))),
            (((0, 0), (1, 0), (1, 0.5), (0, 0.5), (0, 1), (1, 1)),),
            (((0, 0.05), (0.95, 0), (0.05, 1), (1, 1)),),
            (((0.05, 0.2), (0.5, 0), (0.95, 0.25), (0.6, 0.6), (0.1, 0.95), (0.3, 0.85), (0.6, 0.95), (1, 0.95)),),
        ),
        3: (
            (((0, 0.1), (0.5, 0), (0.95, 0.2), (0.4, 0.47), (1, 0.72), (0.55, 1), (0, 0.9)),),
            (((0, 0), (1, 0), (1, 0.5), (0.2, 0.5)), ((1, 0.5), (1, 1), (0, 1))),
            (((0, 0), (0.95, 0), (0.4, 0.4), (1, 0.7), (0.5, 1), (0, 0.9)),),
        ),
        4: (
            (((0.15, 0), (0, 0.55), (1, 0.55)), ((0.75, 0.1), (0.7, 1))),
            (((0.7, 1), (0.7, 0), (0, 0.65), (1, 0.65)),),
            (((0, 0), (0, 0.5), (1, 0.5)), ((1, 0), (1, 1))),
            (((0.3, 0), (0, 0.6), (1, 0.6)), ((0.6, 0.3), (0.6, 1))),
        ),
        5: (
            (((0.95, 0), (0.15, 0), (0.1, 0.45), (0.6, 0.38), (1, 0.68), (0.6, 1), (0, 0.92)),),
            (_ANGULAR_FIVE,),
            (((0.15, 0), (0.1, 0.45), (0.6, 0.38), (1, 0.7), (0.6, 1), (0, 0.92)), ((0.15, 0), (1, 0))),
            (((0.9, 0), (0.1, 0), (0.1, 0.45), (0.9, 0.5), (0.9, 0.95), (0, 1)),),
        ),
        6: (
            (((0.8, 0), (0.25, 0.3), (0, 0.7), (0.4, 1), (0.95, 0.8), (0.7, 0.52), (0.1, 0.65)),),
            (((1, 0), (0, 0), (0, 1), (1, 1), (1, 0.5), (0, 0.5)),),
            (((0.6, 0), (0, 0.6), (0, 1), (1, 1), (1, 0.6), (0, 0.6)),),
            (((0.1, 0), (0, 0.5), (0.1, 1), (0.9, 1), (1, 0.55), (0.05, 0.5)),),
            (((0.9, 0), (0.2, 0.45), (0, 0.8), (0.5, 1), (1, 0.8), (0.6, 0.5), (0.1, 0.7)),),
        ),
        7: (
            (_SEVEN,),
            (_SEVEN, ((0.2, 0.5), (0.9, 0.5))),
            (((0, 0), (1, 0), (1, 1)),),
            (((0, 0.2), (0, 0), (1, 0), (0.4, 1)),),
            (((0, 0.05), (0.9, 0), (0.7, 0.5), (0.6, 1)),),
        ),
        8: (
            (
                (
                    (0.5, 0.47),
                    (0.1, 0.25),
                    (0.5, 0),
                    (0.9, 0.25),
                    (0.5, 0.47),
                    (0, 0.75),
                    (0.5, 1),
                    (1, 0.75),
                    (0.5, 0.47),
                ),
            ),
            (_BOX, ((0, 0.5), (1, 0.5))),
            (
                ((0.9, 0.1), (0.5, 0), (0.1, 0.2), (0.5, 0.45), (0.95, 0.75), (0.5, 1), (0.05, 0.75), (0.5, 0.45)),
                ((0.5, 0.45), (0.9, 0.1)),
            ),
        ),
        9: (
            (((0.95, 0.25), (0.5, 0), (0.05, 0.25), (0.4, 0.52), (0.95, 0.3), (0.9, 0.65), (0.7, 1)),),
            (((1, 0.25), (0.5, 0), (0, 0.25), (0.45, 0.5), (1, 0.25)), ((1, 0.1), (1, 1))),
            (((1, 0.5), (0, 0.5), (0, 0), (1, 0), (1, 1)),),
            (((1, 0.5), (0, 0.5), (0, 0), (1, 0), (1, 1), (0, 1)),),
            (((0.9, 0.4), (0.1, 0.45), (0, 0.05), (0.9, 0), (0.9, 0.5), (0.6, 1)),),
        ),
    }
)


def drawn(rng: np.random.Generator, digit: int, longest: int) -> UInt8:
    """``digit``, 0 to 9, drawn about ``longest`` pixels high, or now and then wide, as a window is wider than high:
    uint8 [h, w], ink 255 on 0, anti-aliased.
    """
    ways = SHAPES[digit]
    lines = ways[int(rng.integers(len(ways)))]
    wide = high = float(longest)
    if digit != 1 and rng.random() < 0.15:  # a 1 would only be small
        high *= rng.uniform(0.3, 0.9)
    else:
        wide *= rng.uniform(0.05, 0.25) if lines == (_STEM,) else rng.uniform(0.35, 1.0)
    size = np.array([wide, high])
    thick = max(1, round(high * rng.uniform(0.015, 0.16)))
    shake, slant, smooth = rng.uniform(0.005, 0.05), rng.normal(0, 0.12), rng.random() < 0.6
    canvas = np.zeros((int(longest * 1.5) + 2 * thick, int(longest * 2) + 2 * thick), np.uint8)
    for line in lines:
        points = np.array(line) + rng.normal(0, shake, (len(line), 2))
        points[:, 0] += slant * (0.5 - points[:, 1])
        path = (_rounded(points) if smooth else points) * size + (0.5 * longest, 0.25 * longest) + thick
        cv2.polylines(canvas, [np.rint(path * 16).astype(np.int32)], False, 255, thick, cv2.LINE_AA, 4)
    rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    return np.ascontiguousarray(canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])


def _rounded(points: Points) -> Points:
    """A smooth curve through the points: Catmull and Rom, 1974. float64 [N, 2] -> [8 N - 7, 2]."""
    around = np.concatenate([points[:1], points, points[-1:]])
    before, start, end, after = around[:-3], around[1:-2], around[2:-1], around[3:]
    t = np.linspace(0, 1, 8, endpoint=False)[None, :, None]
    terms = (
        2 * start[:, None]
        + (end - before)[:, None] * t
        + (2 * before - 5 * start + 4 * end - after)[:, None] * t**2
        + (3 * start - before - 3 * end + after)[:, None] * t**3
    )
    return np.concatenate([(terms / 2).reshape(-1, 2), points[-1:]])
