"""Pictures such as people send, made from the datasets' own: digits and garments on grounds of all kinds.

Training material for ``models.auto``. Every function draws from the generator that it is given.
"""

from __future__ import annotations

import cv2
import numpy as np

from models.picture import UInt8

Rng = np.random.Generator


def digit(rng: Rng, picture: UInt8) -> UInt8:
    """A picture uint8 [H, W] of a digit: MNIST's ``picture`` as it is, or written or printed on a canvas, dark or
    bright.
    """
    if rng.random() < 0.35:
        return _finish(rng, picture)
    longest = int(rng.integers(20, 180))
    ink = _printed(rng, longest) if rng.random() < 0.35 else _written(rng, picture, longest)
    height, width = (int(side * rng.uniform(1.02, 4)) for side in ink.shape)
    canvas = np.zeros((height, width), np.float32)
    top, left = int(rng.integers(height - ink.shape[0] + 1)), int(rng.integers(width - ink.shape[1] + 1))
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    if rng.random() < 0.25:
        _rule(rng, canvas)
    return _finish(rng, _on_paper(rng, canvas))


def garment(rng: Rng, picture: UInt8) -> UInt8:
    """A picture uint8 [H, W] of a garment: Fashion-MNIST's ``picture`` as it is, or enlarged on a plain or noisy
    ground.
    """
    if rng.random() < 0.5:
        return _finish(rng, picture)
    longest = int(rng.integers(28, 180))
    large = cv2.resize(picture, (longest, longest), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    margin = int(longest * rng.uniform(0, 0.6))
    large = np.pad(large, ((int(rng.integers(margin + 1)), margin), (int(rng.integers(margin + 1)), margin)))
    ground = rng.uniform(0, 255) + rng.normal(0, rng.choice([1, 8, 25]), large.shape)
    scene = np.where(large > 12, 255 - large if rng.random() < 0.5 else large, ground)
    return _finish(rng, np.asarray(np.clip(scene, 0, 255), np.uint8))


def photograph(rng: Rng, grey: UInt8) -> UInt8:
    """Another view of a photograph uint8 [H, W]: a crop of at least half of each side, mirrored half of the time."""
    height, width = grey.shape
    tall, wide = int(height * rng.uniform(0.5, 1)), int(width * rng.uniform(0.5, 1))
    top, left = int(rng.integers(height - tall + 1)), int(rng.integers(width - wide + 1))
    part = grey[top : top + tall, left : left + wide]
    return np.ascontiguousarray(part[:, ::-1] if rng.random() < 0.5 else part)


def _written(rng: Rng, picture: UInt8, longest: int) -> UInt8:
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


def _rule(rng: Rng, canvas: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> None:
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


def _on_paper(rng: Rng, ink: np.ndarray[tuple[int, int], np.dtype[np.float32]]) -> UInt8:
    """Ink (0 to 255) on an unevenly lit ground, dark on bright or bright on dark."""
    height, width = ink.shape
    y, x = np.mgrid[0:height, 0:width]
    light = 1 + rng.uniform(-0.4, 0.4) * x / width + rng.uniform(-0.4, 0.4) * y / height if rng.random() < 0.5 else 1.0
    strength = rng.uniform(0.25, 1)
    bright = np.clip(rng.uniform(140, 255) * (1 - strength * ink / 255) * light, 0, 255)
    noise = rng.normal(0, rng.choice([0, 2, 6]), ink.shape)
    return np.asarray(np.clip((bright if rng.random() < 0.7 else 255 - bright) + noise, 0, 255), np.uint8)


def _finish(rng: Rng, picture: UInt8) -> UInt8:
    """What happens to any picture: turned bright for dark, blurred, saved as JPEG; or nothing."""
    if rng.random() < 0.3:
        picture = 255 - picture
    if rng.random() < 0.2:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.4, 1.2)), np.uint8)
    if rng.random() < 0.3:
        _, coded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(30, 95))])
        picture = np.asarray(cv2.imdecode(coded, cv2.IMREAD_GRAYSCALE), np.uint8)
    return picture
