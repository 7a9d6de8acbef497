"""Digits as people send them."""

import cv2
import numpy as np

from models.training.scenes import digits, strokes


def test_scanned_digits_fill_their_frame():
    rng = np.random.default_rng(0)
    small = np.pad(cv2.resize(strokes.drawn(rng, 7, 200), (16, 20), interpolation=cv2.INTER_AREA), ((4, 4), (6, 6)))
    small = np.asarray(np.minimum(small.astype(int) * 3, 255), np.uint8)
    for _ in range(30):
        scan = digits.scanned(rng, small)
        assert 3 <= min(scan.shape) <= max(scan.shape) <= 44
        bright = scan if scan[0, 0] < 128 else 255 - scan
        rows = np.flatnonzero((bright > 40).any(1))
        assert rows[0] <= 4
        assert len(scan) - rows[-1] <= 5
