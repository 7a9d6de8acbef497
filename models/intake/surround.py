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
    if sum(map(cv2.contourArea, holes)) > OPEN * area:
        return _within_frame(hole, boxes, ring=filled < STRAIGHT) if filled > ROUND else None
    whole = Box(left, top, left + width, top + height)
    if filled > STRAIGHT:
        return _sheet(whole, hole)
    disc = SLANTED * max(width, height) < min(width, height) and _off_ellipse(outline) < RIM
    return _plate(whole, hole, holes, boxes) if disc else None


def _filled(outline: Contour) -> float:
    """The share of its smallest rectangle that an outline fills."""
    return float(cv2.contourArea(outline) / max(1.0, float(np.prod(cv2.minAreaRect(outline)[1]))))


def _off_ellipse(outline: Contour) -> float:
    """How far an outline leaves the ellipse that fits it best, of its radius: a root mean square."""
    centre, axes, angle = cv2.fitEllipse(outline)
    x, y = (outline.reshape(-1, 2) - np.asarray(centre)).T
    cos, sin = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    radius = 2 * np.hypot((x * cos + y * sin) / axes[0], (y * cos - x * sin) / axes[1])
    return float(np.sqrt(np.mean((radius - 1) ** 2)))


def _within_frame(hole: Contour, boxes: npt.NDArray[np.int32], *, ring: bool) -> Box | None:
    """A frame's hole, if something stands in it."""
    left, top, width, height = cv2.boundingRect(hole)
    x, y, wide, high = boxes[:, :4].T
    within = (x > left) & (y > top) & (x + wide < left + width) & (y + high < top + height)
    least = 1.2 * INK * max(width, height) if ring else INK * min(width, height)  # a zero may have a stroke in it
    within &= np.maximum(wide, high) >= least
    if not within.any():
        return None
    corners = Box(left + 1, top + 1, left + width - 1, top + height - 1)
    if not ring:
        return corners
    # A ring's own arcs stand in the corners of its hole: only what is near the digit is looked at.
    free = round(0.1 * float(np.maximum(wide, high)[within].max()))
    return Box(
        max(corners.left, int(x[within].min()) - free),
        max(corners.top, int(y[within].min()) - free),
        min(corners.right, int((x + wide)[within].max()) + free),
        min(corners.bottom, int((y + high)[within].max()) + free),
    )


def _sheet(sheet: Box, hole: Contour) -> Box | None:
    """A sheet without its rim, if its largest ``hole`` may be a digit's: a bold angular zero has one of its own
    shape.
    """
    width, height = sheet.right - sheet.left, sheet.bottom - sheet.top
    wide, high = cv2.boundingRect(hole)[2:]
    if max(wide, high) < INK * min(width, height):
        return None
    if _filled(hole) > STRAIGHT and 0.5 < (wide / high) / (width / height) < 2:
        return None
    rim = max(2, round(0.02 * min(width, height)))
    return Box(sheet.left + rim, sheet.top + rim, sheet.right - rim, sheet.bottom - rim)


def _plate(plate: Box, hole: Contour, holes: list[Contour], boxes: npt.NDArray[np.int32]) -> Box | None:
    """What stands on a round plate, with a little of it around, if its largest ``hole`` is a digit's; else the plate is
    a bold zero, or another digit of a thick pen.
    """
    width, height = plate.right - plate.left, plate.bottom - plate.top
    left, top, wide, high = cv2.boundingRect(hole)
    if max(wide, high) < INK * min(width, height):
        return None
    x, y, w, h = boxes[:, :4].T
    counters = (x > left) & (y > top) & (x + w < left + wide) & (y + h < top + high) & (h > 0.5 * INK * high)
    alone = sum(map(cv2.contourArea, holes)) < 1.1 * cv2.contourArea(hole)
    # A bar, such as a one: a zero that is as wide as high has a hole which is so too.
    bar = alone and _filled(hole) > STRAIGHT and wide < 0.35 * high and min(width, height) > 0.9 * max(width, height)
    if not (counters.any() or bar or _hollowed(hole)):
        return None
    free = round(0.1 * max(wide, high))
    return Box(
        max(plate.left, left - free),
        max(plate.top, top - free),
        min(plate.right, left + wide + free),
        min(plate.bottom, top + high + free),
    )


def _hollowed(hole: Contour) -> bool:
    return bool(cv2.contourArea(hole) < HOLLOWED * cv2.contourArea(cv2.convexHull(hole)))
