"""Garments as people send them, made from Fashion-MNIST's and from photographs: in a catalogue, on somebody, at home.

Every function draws from the generator that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.intake.pixels import Float, UInt8
from models.training.scenes.canvas import finish

Rng = np.random.Generator
TOPS, TROUSERS, DRESS, SHOES = (0, 2, 4, 6), 1, 3, (5, 7, 9)  # Fashion-MNIST's classes, but for the bag


def garment(rng: Rng, picture: UInt8) -> UInt8:
    """A picture uint8 [H, W] of a garment: Fashion-MNIST's ``picture`` as it is, or enlarged as in a catalogue, on a
    plain or noisy ground, or as an icon of one colour.
    """
    if rng.random() < 0.4:
        return finish(rng, picture)
    shape = rng.integers(28, 180) * rng.uniform(0.8, 1.2, 2)
    size = int(shape[0]), int(shape[1])
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC).astype(np.float32)
    margin = int(max(size) * rng.uniform(0, 0.6))
    margins = [(int(rng.integers(margin + 1)), int(rng.integers(margin + 1))) for _ in range(2)]
    large = np.pad(large[:, ::-1] if rng.random() < 0.5 else large, margins)
    kind = rng.random()
    if kind < 0.5:
        return finish(rng, _catalogued(rng, large))
    if kind < 0.65:
        ink, ground = rng.choice(256, 2, replace=False)
        return finish(rng, np.where(large > 12, ink, ground).astype(np.uint8))
    ground = rng.uniform(0, 255) + rng.normal(0, rng.choice([1, 8, 25]), large.shape)
    scene = np.where(large > 12, 255 - large if rng.random() < 0.5 else large, ground)
    return finish(rng, np.asarray(np.clip(scene, 0, 255), np.uint8))


def _catalogued(rng: Rng, negative: Float) -> UInt8:
    """A garment float32 [H, W], bright on 0, as catalogues print it: on white, with or without a soft shadow."""
    ground = np.full(negative.shape, rng.uniform(232, 256), np.float32)
    seen = negative > 12
    if rng.random() < 0.4:
        deep = max(negative.shape) * rng.uniform(0.01, 0.06)
        shadow = np.roll(seen, (round(deep), round(deep * rng.uniform(-1, 1))), (0, 1)).astype(np.float32)
        ground -= rng.uniform(10, 60) * cv2.GaussianBlur(shadow, (0, 0), deep)
    lit = (255 - negative - 128) * rng.uniform(0.7, 1) + 128 + rng.uniform(-30, 30)
    scene = np.where(seen, lit, ground) + rng.normal(0, rng.choice([0, 1, 3]), negative.shape)
    return np.asarray(np.clip(scene, 0, 255), np.uint8)


def worn(rng: Rng, picture: UInt8, index: int, by_class: Sequence[UInt8]) -> UInt8:
    """Fashion-MNIST's ``picture`` of class ``index`` on somebody in front of a plain wall: with a head, and trousers
    below a top, legs below a dress, ankles above shoes. uint8 [H, W], dark on bright as catalogues are.
    """
    side = int(rng.integers(60, 160))
    canvas = np.zeros((2 * side, 2 * side), np.float32)  # negative, as the datasets are
    garment = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    skin = float(rng.uniform(40, 170))
    shows_head = index in (*TOPS, DRESS) and rng.random() < 0.7
    if index in TOPS and rng.random() < 0.7:
        _draw_trousers(canvas, by_class[TROUSERS][int(rng.integers(len(by_class[TROUSERS])))])
    if index in (TROUSERS, DRESS):
        _draw_legs(canvas, skin)
    if index in SHOES:
        _draw_ankle(canvas, skin)
    if shows_head:
        _draw_head(canvas, skin)
    region = canvas[side // 2 : side // 2 + side, side // 2 : side // 2 + side]
    region[garment > 12] = garment[garment > 12]
    return _cropped(rng, canvas)


# Each draws on a canvas float32 [2 side, 2 side], in whose middle the garment will be, ``side`` large.


def _draw_trousers(canvas: Float, trousers: UInt8) -> None:
    """From under the hem."""
    side = len(canvas) // 2
    below = cv2.resize(trousers, (side, round(side * 1.5)), interpolation=cv2.INTER_LINEAR).astype(np.float32)
    start, left = side // 2 + round(side * 0.9), side // 2
    canvas[start:, left : left + side] = below[: len(canvas) - start]


def _draw_legs(canvas: Float, skin: float) -> None:
    side = len(canvas) // 2
    for shift in (-0.13, 0.13):
        leg = 2 * (side // 2) + round(shift * side), side // 2 + round(side * 0.85)
        cv2.line(canvas, leg, (leg[0], len(canvas)), skin, max(1, round(side * 0.09)))


def _draw_ankle(canvas: Float, skin: float) -> None:
    side = len(canvas) // 2
    leg = 2 * (side // 2) + round(0.25 * side), side // 2 + round(side * 0.45)
    cv2.line(canvas, leg, (leg[0], 0), skin, max(1, round(side * 0.25)))


def _draw_head(canvas: Float, skin: float) -> None:
    side = len(canvas) // 2
    centre = 2 * (side // 2), side // 2 - round(side * 0.05)
    cv2.ellipse(canvas, centre, (round(side * 0.1), round(side * 0.15)), 0, 0, 360, skin, -1)
    hair = centre[0], centre[1] - round(side * 0.08)
    cv2.ellipse(canvas, hair, (round(side * 0.11),) * 2, 0, 180, 360, 220, -1)


def _cropped(rng: Rng, negative: Float) -> UInt8:
    """As a catalogue crops it, on its bright ground: uint8 [H, W], mirrored half of the time."""
    bounds = [int(part * len(negative) / 2) for part in rng.uniform(0, 0.55, 4)]
    crop = negative[bounds[0] : len(negative) - bounds[1], bounds[2] : len(negative) - bounds[3]]
    bright = np.clip(rng.uniform(225, 256) - crop + rng.normal(0, rng.choice([0, 1, 3]), crop.shape), 0, 255)
    scene = np.asarray(bright, np.uint8)
    return np.ascontiguousarray(scene[:, ::-1]) if rng.random() < 0.5 else scene


def view(rng: Rng, photograph: UInt8) -> UInt8:
    """The same photograph uint8 [H, W, 3] taken another time: framed, turned, lit otherwise, mirrored."""
    height, width = photograph.shape[:2]
    turn = rng.normal(0, 6) if rng.random() < 0.8 else rng.uniform(-45, 45)
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), turn, float(rng.uniform(0.85, 1.2)))
    turned = cv2.warpAffine(photograph, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    bounds = [int(part) for part in rng.uniform(0, 0.14, 4) * (height, height, width, width)]
    part = turned[bounds[0] : height - bounds[1], bounds[2] : width - bounds[3]].astype(np.float32)
    lit = (part - 128) * rng.uniform(0.75, 1.25) + 128 + rng.uniform(-30, 30)
    tinted = np.clip(lit * rng.uniform(0.93, 1.07, 3), 0, 255).astype(np.uint8)
    return np.ascontiguousarray(tinted[:, ::-1] if rng.random() < 0.5 else tinted)


def photograph(rng: Rng, grey: UInt8) -> UInt8:
    """Another view of a photograph uint8 [H, W]: a crop of at least half of each side, mirrored half of the time."""
    height, width = grey.shape
    tall, wide = int(height * rng.uniform(0.5, 1)), int(width * rng.uniform(0.5, 1))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    part = grey[top : top + tall, left : left + wide]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)
