"""Pictures such as people send, made from the datasets' own: digits and garments on grounds of all kinds.

Training material for ``intake.auto``, ``intake.gate`` and, prepared, the networks (``scenes.sent``). Every function
draws from the generator that it is given.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from models.intake.pixels import Float, UInt8, border

Rng = np.random.Generator


def digit(rng: Rng, picture: UInt8) -> UInt8:
    """A picture uint8 [H, W] of a digit: MNIST's ``picture`` as it is, or written or printed on a canvas, dark or
    bright.
    """
    if rng.random() < 0.35:
        return finish(rng, picture)
    longest = int(rng.integers(20, 180))
    return on_canvas(rng, _printed(rng, longest) if rng.random() < 0.35 else written(rng, picture, longest))


def on_canvas(rng: Rng, ink: UInt8) -> UInt8:
    """Ink uint8 [h, w], bright on 0, somewhere on a canvas 1.02 to 4 times as large, sometimes ruled: uint8 [H, W]."""
    height, width = (int(side * rng.uniform(1.02, 4)) for side in ink.shape)
    canvas = np.zeros((height, width), np.float32)
    top, left = int(rng.integers(height - ink.shape[0] + 1)), int(rng.integers(width - ink.shape[1] + 1))
    canvas[top : top + ink.shape[0], left : left + ink.shape[1]] = ink
    if rng.random() < 0.25:
        rule(rng, canvas)
    return finish(rng, on_paper(rng, canvas))


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


def worn(rng: Rng, picture: UInt8, index: int, by_class: Sequence[UInt8]) -> UInt8:
    """Fashion-MNIST's ``picture`` of class ``index`` on somebody in front of a plain wall: with a head, and trousers
    below a top, legs below a dress, ankles above shoes. uint8 [H, W], dark on bright as catalogues are.
    """
    side = int(rng.integers(60, 160))
    height, width = 2 * side, 2 * side
    canvas = np.zeros((height, width), np.float32)  # negative, as the datasets are
    garment = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC).astype(np.float32)
    top, left = (height - side) // 2, (width - side) // 2
    skin = float(rng.uniform(40, 170))
    middle = left + side // 2
    shows_head = index in (0, 2, 3, 4, 6) and rng.random() < 0.7
    if index in (0, 2, 4, 6) and rng.random() < 0.7:  # trousers, from under the hem
        trousers = by_class[1][int(rng.integers(len(by_class[1])))]
        below = cv2.resize(trousers, (side, round(side * 1.5)), interpolation=cv2.INTER_LINEAR).astype(np.float32)
        start = top + round(side * 0.9)
        canvas[start:, left : left + side] = below[: height - start]
    elif index in (1, 3):
        for shift in (-0.13, 0.13):
            leg = middle + round(shift * side), top + round(side * 0.85)
            cv2.line(canvas, leg, (leg[0], height), skin, max(1, round(side * 0.09)))
    elif index in (5, 7, 9):
        leg = middle + round(0.25 * side), top + round(side * 0.45)
        cv2.line(canvas, leg, (leg[0], 0), skin, max(1, round(side * 0.25)))
    if shows_head:
        centre = middle, top - round(side * 0.05)
        cv2.ellipse(canvas, centre, (round(side * 0.1), round(side * 0.15)), 0, 0, 360, skin, -1)
        hair = centre[0], centre[1] - round(side * 0.08)
        cv2.ellipse(canvas, hair, (round(side * 0.11),) * 2, 0, 180, 360, 220, -1)
    region = canvas[top : top + side, left : left + side]
    region[garment > 12] = garment[garment > 12]
    bounds = [int(part * side) for part in rng.uniform(0, 0.55, 4)]  # of the catalogue's crop
    crop = canvas[bounds[0] : height - bounds[1], bounds[2] : width - bounds[3]]
    bright = np.clip(rng.uniform(225, 256) - crop + rng.normal(0, rng.choice([0, 1, 3]), crop.shape), 0, 255)
    scene = np.asarray(bright, np.uint8)
    return np.ascontiguousarray(scene[:, ::-1]) if rng.random() < 0.5 else scene


def farther(rng: Rng, scene: UInt8) -> UInt8:
    """A scene uint8 [H, W] from farther away: up to thrice its size of ground on each side, of its border's colour."""
    margins = [int(part * side) for side in scene.shape for part in rng.uniform(0, 3, 2)]
    level = int(np.median(border(scene)))
    return np.pad(scene, ((margins[0], margins[1]), (margins[2], margins[3])), constant_values=level)


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
