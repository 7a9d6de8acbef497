"""Ruled lines that run across a page and through what is written on it: found, and taken out of the ink."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from models.intake.ink import Ink
from models.intake.pixels import Mask

THICK = 0.02  # of the picture's longer side: a thicker line is a stroke
RUN = 0.03  # of its width: what is level for so long is a piece of a line, on a page that is turned a little, too
GAP = 0.4  # of its width: a stroke that runs along a line leaves as wide a gap in it
COVERED = 0.55  # of a line's length at least is seen; the bars of a row of fives cover less
SLOPE = 0.06  # of a line's length: how far it may rise


def across(mask: Mask, least: float) -> Mask:
    """The pixels of a mask bool [H, W] that belong to thin level lines at least ``least`` of the picture's width long;
    where a stroke crosses one they are the stroke's.
    """
    height, width = mask.shape
    ink = mask.astype(np.uint8)
    thick = max(3, round(THICK * max(height, width)))
    # Sides of kernels are odd: OpenCV shifts what it opens by a pixel otherwise.
    strokes = np.asarray(cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((thick + 1 | 1, 1), np.uint8)), np.uint8)
    run, gap = max(5, round(RUN * width) | 1), max(3, round(GAP * width) | 1)
    level = cv2.morphologyEx(ink & (1 - strokes), cv2.MORPH_OPEN, np.ones((1, run), np.uint8))
    bridged = cv2.dilate(level, np.ones((3, gap), np.uint8))
    _, labels, stats, _ = cv2.connectedComponentsWithStats(bridged, connectivity=8)
    lines = np.zeros(len(stats), bool)
    for number in np.flatnonzero(stats[:, cv2.CC_STAT_WIDTH] >= least * width):
        rows, columns = np.nonzero((labels == number) & (level > 0))
        if number and len(rows):
            long, high = int(np.ptp(columns)) + 1, int(np.ptp(rows)) + 1
            covered = len(np.unique(columns))
            lines[number] = long >= least * width and high <= SLOPE * long + thick and covered >= COVERED * long
    return np.asarray(lines[labels] & (level > 0))


def without(found: Ink, lines: Mask) -> Ink:
    """The ink less ``lines``, bool [H, W], and their blurred edges."""
    if not lines.any():
        return found
    near = cv2.dilate(lines.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    mask = found.mask & ~lines
    kept = cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    return replace(found, mask=mask, amount=np.where(lines | near & ~kept, np.float32(0), found.amount))
