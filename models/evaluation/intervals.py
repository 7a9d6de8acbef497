"""How far a share that was measured on some pictures may lie from that of all."""

from __future__ import annotations

from scipy import stats


def wilson(share: float, n: int) -> tuple[float, float]:
    """The interval in which the true share lies, 19 times in 20, when ``share`` of ``n`` were right (Wilson, Probable
    inference, the law of succession, and statistical inference, 1927).
    """
    found = stats.binomtest(round(share * n), n).proportion_ci(0.95, "wilson")
    return float(found.low), float(found.high)
