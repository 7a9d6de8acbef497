"""The range of a share: by hand, and where nothing or everything was right."""

import math

import pytest

from models.evaluation.intervals import wilson


@pytest.mark.parametrize(("right", "n"), [(8935, 10_000), (1, 2), (0, 7), (7, 7), (1984, 2000)])
def test_it_is_wilsons(right, n):
    z, share = 1.959963984540054, right / n
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    low, high = wilson(round(share, 6), n)
    assert (low, high) == pytest.approx((middle - half, middle + half), abs=1e-9)
    assert 0 <= low <= share <= high <= 1
