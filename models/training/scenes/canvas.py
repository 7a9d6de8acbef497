"""What any picture is put on and through: paper, rules and light, and what cameras and files do to it.

Every function draws from the generator that it is given.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.intake.pixels import Float, UInt8, border

Rng = np.random.Generator


def on_canvas(rng: Rng, ink: UInt8) -> UInt8:
    """Ink uint8 [h, w], bright on 0, somewhere on a canvas 1.02 to 4 times as large, sometimes ruled: uint8 [H, W]."""
    height, width = (int(side * rng.uniform(1.02, 4)) for side in ink.shape)
    canvas = np.zeros((height, width), np.float32)
    top, left = int(rng.integers(height - ink.shape[0] + 1)), int(rng.integers(width - ink.shape[1] + 1))
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    if rng.random() < 0.25:
        rule(rng, canvas)
    return finish(rng, on_paper(rng, canvas))


def rule(rng: Rng, canvas: Float) -> None:
    """Lines of ruled or squared paper, or the border of a cell."""
    height, width = canvas.shape
    ink, thick = float(rng.uniform(60, 255)), int(rng.integers(1, 4))
    if rng.random() < 0.5:
        cv2.rectangle(canvas, (0, 0), (width - 1, height - 1), ink, thick)
        return
    apart = int(rng.integers(8, max(9, height // 2)))
    for y in range(int(rng.integers(apart)), height, apart):
        cv2.line(canvas, (0, y), (width - 1, y), ink / 2, 1)
    for x in range(int(rng.integers(apart)), width, apart) if rng.random() < 0.5 else ():
        cv2.line(canvas, (x, 0), (x, height - 1), ink / 2, 1)


def on_paper(rng: Rng, ink: Float) -> UInt8:
    """Ink (0 to 255) on an unevenly lit ground, dark on bright or bright on dark."""
    height, width = ink.shape
    y, x = np.mgrid[0:height, 0:width]
    light = 1 + rng.uniform(-0.4, 0.4) * x / width + rng.uniform(-0.4, 0.4) * y / height if rng.random() < 0.5 else 1.0
    strength = rng.uniform(0.25, 1)
    bright = np.clip(rng.uniform(140, 255) * (1 - strength * ink / 255) * light, 0, 255)
    noise = rng.normal(0, rng.choice([0, 2, 6]), ink.shape)
    return np.asarray(np.clip((bright if rng.random() < 0.7 else 255 - bright) + noise, 0, 255), np.uint8)


def finish(rng: Rng, picture: UInt8) -> UInt8:
    """What happens to any picture: turned bright for dark, blurred, saved as JPEG; or nothing."""
    if rng.random() < 0.3:
        picture = 255 - picture
    if rng.random() < 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
    if rng.random() < 0.3:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return picture


def farther(rng: Rng, scene: UInt8) -> UInt8:
    """A scene uint8 [H, W] from farther away: up to thrice its size of ground on each side, of its border's colour."""
    margins = [int(part * side) for side in scene.shape for part in rng.uniform(0, 3, 2)]
    level = int(np.median(border(scene)))
    return np.pad(scene, ((margins[0], margins[1]), (margins[2], margins[3])), constant_values=level)
