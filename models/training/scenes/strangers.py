"""Pictures that are neither a digit nor a garment: noise, patterns, letters, signs, pages. Training material for
``intake.gate``.

Every function draws from the generator that it is given and returns a picture as people send them, uint8 [H, W].
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from models.intake.pixels import UInt8
from models.training.scenes import lettering
from models.training.scenes.canvas import finish, on_canvas, on_paper
from models.training.scenes.digits import sheared, written

Rng = np.random.Generator

# Without those that are written like digits: o l i z s b q g and their capitals.
LETTERS = "acdefhjkmnprtuvwxyACEFGHJKLMNPRTUVWXY&@#%?!+=*$<>{}~^"


def noise(rng: Rng) -> UInt8:
    """Noise or a pattern, 28 to 200 pixels a side."""
    side = 28 if rng.random() < 0.4 else int(rng.integers(28, 200))
    shape = (side, side) if rng.random() < 0.6 else (side, int(rng.integers(28, 200)))
    made = (_grain, _clouds, _stripes, _checks, _dots, _slope)[int(rng.integers(6))](rng, shape)
    if rng.random() < 0.3:  # a patch of it on black or white
        large = np.full((2 * shape[0], 2 * shape[1]), rng.choice([0.0, 1.0]))
        large[shape[0] // 2 : shape[0] // 2 + shape[0], shape[1] // 2 : shape[1] // 2 + shape[1]] = made
        made = large
    return finish(rng, _stretched(made))


def sign(rng: Rng, fonts: list[Path]) -> UInt8:
    """One letter, symbol or scribble, written as digits are."""
    longest = int(rng.integers(24, 200))
    if rng.random() < 0.8:
        ink = lettering.written(rng, LETTERS[int(rng.integers(len(LETTERS)))], longest, fonts)
    else:
        ink = _scribble(rng, longest)
    return on_canvas(rng, sheared(rng, ink))


def twisted(rng: Rng, one: UInt8, other: UInt8) -> UInt8:
    """A sign of MNIST's strokes that is no digit, of two pictures uint8 [28, 28]: ``one`` (of 2 to 7) on its side,
    with ``other`` over it or not, or both upright over each other.
    """
    apart = np.roll(other, int(rng.integers(3, 9)) * int(rng.choice([-1, 1])), axis=int(rng.integers(2)))
    on_its_side = np.ascontiguousarray(np.rot90(one, int(rng.choice([1, 3]))))
    kind = int(rng.integers(4))
    if kind == 0:
        return np.maximum(one, apart)
    return np.maximum(on_its_side, apart) if kind == 1 else on_its_side


def number(rng: Rng, digits: list[UInt8]) -> UInt8:
    """Digits uint8 [28, 28] of MNIST's side by side, touching, a little over each other or apart, as in a number."""
    row = _tight(digits[0])
    for each in map(_tight, digits[1:]):
        gap = int(rng.integers(-3, 5))
        canvas = np.zeros((max(len(row), len(each)) + 4, row.shape[1] + gap + each.shape[1]), np.uint8)
        for part, left in ((row, 0), (each, row.shape[1] + gap)):
            top = int(rng.integers(len(canvas) - len(part) + 1))
            region = canvas[top : top + len(part), left : left + part.shape[1]]
            region[:] = np.maximum(region, part)
        row = _tight(canvas)
    return on_canvas(rng, written(rng, row, int(rng.integers(24, 200))))


def _tight(picture: UInt8) -> UInt8:
    rows, columns = np.flatnonzero((picture > 40).any(1)), np.flatnonzero((picture > 40).any(0))
    return picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def page(rng: Rng, fonts: list[Path]) -> UInt8:
    """Several words or numbers, on lines or strewn about, as on a page or a screen."""
    height, width = (int(side) for side in rng.integers(80, 260, 2))
    canvas = np.zeros((height, width), np.float32)
    high = int(rng.integers(8, max(9, min(height, width) // 3)))
    letters = "0123456789" if rng.random() < 0.5 else "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
    for top in range(int(rng.integers(1, high)), height - high, int(high * rng.uniform(1.2, 2.2))):
        left = int(rng.integers(1, high + 1))
        while left < width - high:
            text = "".join(rng.choice(list(letters), int(rng.integers(1, 8))))
            word = lettering.written(rng, text, max(4, int(high * 0.6 * len(text))), fonts)[:high, : width - left]
            region = canvas[top : top + word.shape[0], left : left + word.shape[1]]
            region[:] = np.maximum(region, word)
            left += word.shape[1] + int(high * rng.uniform(0.3, 1))
            if rng.random() < 0.1:
                break
    for _ in range(int(rng.integers(0, 4)) if rng.random() < 0.4 else 0):  # windows and buttons
        corners = rng.integers(0, [width, height], (2, 2))
        cv2.rectangle(
            canvas, corners[0].tolist(), corners[1].tolist(), float(rng.uniform(40, 255)), int(rng.integers(1, 4))
        )
    if canvas.max() == 0:
        return page(rng, fonts)
    return finish(rng, on_paper(rng, canvas))


def texture(rng: Rng, photograph: UInt8) -> UInt8:
    """A piece of a photograph uint8 [H, W, 3], a tenth to a fifth of its sides, enlarged: cloth, wood, wall. Grey."""
    height, width = photograph.shape[:2]
    tall, wide = (max(8, int(side * rng.uniform(0.1, 0.2))) for side in (height, width))
    top, left = int(rng.integers(height - tall)), int(rng.integers(width - wide))
    part = cv2.cvtColor(photograph[top : top + tall, left : left + wide], cv2.COLOR_RGB2GRAY)
    return np.asarray(cv2.resize(part, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC), np.uint8)


Values = npt.NDArray[np.float64]


def _stretched(values: Values) -> UInt8:
    low, high = float(values.min()), float(values.max())
    return np.asarray(255 * (values - low) / max(high - low, 1e-6), np.uint8)


def _grain(rng: Rng, shape: tuple[int, int]) -> Values:
    kind = int(rng.integers(4))
    if kind == 0:
        return rng.random(shape)
    if kind == 1:
        return rng.normal(0, 1, shape)
    if kind == 2:
        return (rng.random(shape) < rng.uniform(0.02, 0.5)).astype(float)
    coarse = rng.random((int(rng.integers(3, 12)), int(rng.integers(3, 12))))
    return np.asarray(cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_NEAREST), np.float64)


def _clouds(rng: Rng, shape: tuple[int, int]) -> Values:
    values = np.zeros(shape)
    for cells in (2, 4, 8, 16):
        coarse = rng.normal(0, 1 / cells ** rng.uniform(0, 1), (cells + 1, cells + 1))
        values += cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
    return (values > 0).astype(np.float64) if rng.random() < 0.3 else values


def _stripes(rng: Rng, shape: tuple[int, int]) -> Values:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    turn, waves = rng.uniform(0, np.pi), rng.uniform(2, 14)
    values = np.sin(2 * np.pi * waves * (x * np.cos(turn) + y * np.sin(turn)) / max(shape))
    return np.sign(values) if rng.random() < 0.5 else np.asarray(values)


def _checks(rng: Rng, shape: tuple[int, int]) -> Values:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    cell = max(2, max(shape) // int(rng.integers(2, 14)))
    return np.asarray(((x // cell + y // cell) % 2).astype(float) + rng.normal(0, 0.05, shape))


def _dots(rng: Rng, shape: tuple[int, int]) -> Values:
    canvas = np.zeros(shape, np.uint8)
    for _ in range(int(rng.integers(3, 40))):
        centre = (int(rng.integers(shape[1])), int(rng.integers(shape[0])))
        cv2.circle(canvas, centre, int(rng.integers(1, max(2, max(shape) // 8))), float(rng.uniform(60, 255)), -1)
    return canvas.astype(np.float64)


def _slope(rng: Rng, shape: tuple[int, int]) -> Values:
    y, x = np.mgrid[0 : shape[0], 0 : shape[1]]
    turn = rng.uniform(0, 2 * np.pi)
    return np.asarray(x * np.cos(turn) + y * np.sin(turn) + rng.normal(0, rng.uniform(0, 3), shape))


def _scribble(rng: Rng, longest: int) -> UInt8:
    """A line through random points, a star, or a face of strokes."""
    canvas = np.zeros((longest + 8, longest + 8), np.uint8)
    thick, middle = max(1, int(longest * rng.uniform(0.02, 0.12))), longest // 2 + 4
    kind = int(rng.integers(3))
    if kind == 0:
        points = rng.integers(4, longest + 4, (int(rng.integers(6, 14)), 2)).astype(np.int32)
        cv2.polylines(canvas, [points], bool(rng.random() < 0.5), 255, thick, cv2.LINE_AA)
    elif kind == 1:
        turns = np.arange(10) * np.pi / 5 + rng.uniform(0, 1)
        reach = np.where(np.arange(10) % 2, rng.uniform(0.15, 0.3), 0.48) * longest
        points = (middle + np.stack([np.cos(turns) * reach, np.sin(turns) * reach], 1)).astype(np.int32)
        cv2.polylines(canvas, [points], True, 255, thick, cv2.LINE_AA)
    else:
        radius = int(longest * 0.46)
        cv2.circle(canvas, (middle, middle), radius, 255, thick, cv2.LINE_AA)
        for side in (-1, 1):
            cv2.circle(canvas, (middle + side * radius // 3, middle - radius // 3), max(1, radius // 9), 255, -1)
        half, turned = (radius // 2, int(radius * rng.uniform(0.2, 0.5))), 180 * int(rng.integers(2))
        cv2.ellipse(canvas, (middle, middle + radius // 5), half, turned, 0, 180, 255, thick)
    return canvas
