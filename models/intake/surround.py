"""What a digit may stand in: a drawn box or a ring, the thick border of a cell, a sheet of paper on a desk, a round
plate.

Its border has less of the sheet than of the desk, so that the sheet is taken for ink, or the box, being the largest
thing there is, for the digit. ``inside`` says where to look instead.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from models.intake.pixels import Box, Mask

LARGE = 0.4  # of the picture's sides: what is smaller surrounds nothing
STRAIGHT = 0.85  # of its smallest rectangle's area: what fills less has no four straight sides
ROUND = 0.74  # the same of a ring; an ellipse fills 0.785
OPEN = 0.5  # share of a frame that is hole; of a sheet it is less
INK = 0.3  # of the hole or the sheet, its shorter side: what is smaller there is a speck, or the dot of a zero
RIM = 0.025  # of its radius: how far a plate's outline may leave an ellipse, as a root mean square; bold digits: 0.05
HOLLOWED = 0.8  # of its convex hull's area: holes that are digits without counters fill less, a zero's own more
ALIKE = 0.5  # of the larger's area: an eight's smaller hole has as much
OVAL = 0.05  # as RIM, of a zero's hole
DOT = 0.5  # of a zero's hole: the dot or stroke in it is not as high
SLANTED = 0.6  # a plate's shorter side, of its longer: a bold zero is often narrower
Contour = npt.NDArray[np.int32]


def inside(mask: Mask) -> Box | None:
    """The inside of a frame or a sheet that is the largest thing in a mask bool [H, W] and has something in it: a box
    in the mask's pixels; None, if there is no such thing.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    boxes = np.asarray(stats[1:], np.int32)
    largest = int(np.argmax(boxes[:, 2].astype(np.int64) * boxes[:, 3]))
    left, top, width, height = (int(side) for side in boxes[largest, :4])
    if width < LARGE * mask.shape[1] or height < LARGE * mask.shape[0]:
        return None
    part = (labels[top : top + height, left : left + width] == largest + 1).astype(np.uint8)
    contours, levels = cv2.findContours(part, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE, offset=(left, top))
    outline = max((c for c, level in zip(contours, levels[0], strict=True) if level[3] < 0), key=cv2.contourArea)
    holes = [c for c, level in zip(contours, levels[0], strict=True) if level[3] >= 0]
    area, filled = cv2.contourArea(outline), _filled(outline)
    if not holes or not area:
        return None
    hole = max(holes, key=lambda c: max(cv2.boundingRect(c)[2:]))
    straight = filled > STRAIGHT
    rounded = not straight or _corners(outline) > 4
    if sum(map(cv2.contourArea, holes)) > OPEN * area:
        return _within_frame(hole, boxes, ring=not straight, rounded=rounded) if filled > ROUND else None
    if max(cv2.boundingRect(hole)[2:]) < INK * min(width, height):
        return None
    disc = not straight and SLANTED * max(width, height) < min(width, height) and _off_ellipse(outline) < RIM
    whole = Box(left, top, left + width, top + height)
    if not (straight or disc) or (rounded and not _of_another(hole, whole, holes, boxes)):
        return None
    return _sheet(whole, hole, holes) if straight else _plate(whole, hole)


def _filled(outline: Contour) -> float:
    """The share of its smallest rectangle that an outline fills."""
    return float(cv2.contourArea(outline) / max(1.0, float(np.prod(cv2.minAreaRect(outline)[1]))))


def _off_ellipse(outline: Contour) -> float:
    """How far an outline leaves the ellipse that fits it best, of its radius: a root mean square."""
    if len(outline) < 5:  # that of a pixel; five are the fewest that an ellipse is fitted to
        return 0.0
    centre, axes, angle = cv2.fitEllipse(outline)
    x, y = (outline.reshape(-1, 2) - np.asarray(centre)).T
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    radius = 2 * np.hypot((x * cos + y * sin) / axes[0], (y * cos - x * sin) / axes[1])
    return float(np.sqrt(np.mean((radius - 1) ** 2)))


def _within_frame(hole: Contour, boxes: npt.NDArray[np.int32], *, ring: bool, rounded: bool) -> Box | None:
    """A frame's hole, if something stands in it that is no dot or stroke of a ``rounded`` zero."""
    left, top, width, height = cv2.boundingRect(hole)
    x, y, wide, high = boxes[:, :4].T
    within = (x > left) & (y > top) & (x + wide < left + width) & (y + high < top + height)
    least = 1.2 * INK * max(width, height) if rounded else INK * min(width, height)
    within &= np.maximum(wide, high) >= least
    if not within.any():
        return None
    corners = Box(left + 1, top + 1, left + width - 1, top + height - 1)
    if not ring:
        return corners
    # A ring's own arcs stand in the corners of its hole: only what is near the digit is looked at.
    x, y, wide, high = boxes[within, :4].T
    digit = Box(int(x.min()), int(y.min()), int((x + wide).max()), int((y + high).max()))
    return _around(digit, float(np.maximum(wide, high).max()), corners)


def _around(digit: Box, size: float, limits: Box) -> Box:
    """What is near a digit, a tenth of its ``size`` to each side, within ``limits``."""
    free = round(0.1 * size)
    return Box(
        max(limits.left, digit.left - free),
        max(limits.top, digit.top - free),
        min(limits.right, digit.right + free),
        min(limits.bottom, digit.bottom + free),
    )


def _sheet(sheet: Box, hole: Contour, holes: list[Contour]) -> Box | None:
    """A sheet without its rim, if its largest ``hole`` may be a digit's: a bold angular zero has one of its own
    shape, an eight two of the same size.
    """
    width, height = sheet.right - sheet.left, sheet.bottom - sheet.top
    wide, high = cv2.boundingRect(hole)[2:]
    if _filled(hole) > STRAIGHT:
        alike = [c for c in holes if cv2.contourArea(c) > ALIKE * cv2.contourArea(hole) and _filled(c) > STRAIGHT]
        if len(alike) > 1 or 0.5 < (wide / high) / (width / height) < 2:
            return None
    rim = max(2, round(0.02 * min(width, height)))
    return Box(sheet.left + rim, sheet.top + rim, sheet.right - rim, sheet.bottom - rim)


def _corners(outline: Contour) -> int:
    """How many corners an outline has, less what is small and what it has inwards."""
    hull = cv2.convexHull(outline)
    return len(cv2.approxPolyDP(hull, 0.02 * cv2.arcLength(hull, closed=True), closed=True))


def _of_another(hole: Contour, plate: Box, holes: list[Contour], boxes: npt.NDArray[np.int32]) -> bool:
    """Whether the largest ``hole`` of a plate, or of a sheet with round corners, is a digit that stands on it; else it
    is itself a bold zero, or another digit of a thick pen.
    """
    width, height = plate.right - plate.left, plate.bottom - plate.top
    left, top, wide, high = cv2.boundingRect(hole)
    x, y, w, h = boxes[:, :4].T
    # A bold zero's own hole is an ellipse and may have a dot in it: a zero on a plate has more inside its stroke.
    least = DOT if _off_ellipse(hole) < OVAL else 0.5 * INK
    counters = (x > left) & (y > top) & (x + w < left + wide) & (y + h < top + high) & (h > least * high)
    alone = sum(map(cv2.contourArea, holes)) < 1.1 * cv2.contourArea(hole)
    # A bar, such as a one: a zero that is as wide as high has a hole which is so too, but in the heaviest types.
    bar = alone and _filled(hole) > STRAIGHT and wide < 0.35 * high and min(width, height) > 0.9 * max(width, height)
    return bool(counters.any() or bar or cv2.contourArea(hole) < HOLLOWED * cv2.contourArea(cv2.convexHull(hole)))


def _plate(plate: Box, hole: Contour) -> Box:
    """What stands on a round plate."""
    left, top, wide, high = cv2.boundingRect(hole)
    return _around(Box(left, top, left + wide, top + high), max(wide, high), plate)
