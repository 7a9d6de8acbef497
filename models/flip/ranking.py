"""Which dabs to try: what the tried ones gained says what others will."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from models.datasets import SIDE
from models.flip.brush import DABS, Indices, places

Float64 = npt.NDArray[np.float64]

NEAR = 1.5  # pixels over which a gain says something of its neighbours', as a Gaussian's standard deviation
DOUBT = 0.3  # weight of knowing nothing, against 1 of a measure at that very place
APART = 2.0  # pixels between those that are tried at once: what is nearer would say the same


class Ranking:
    """The gain in margin that each dab is expected to bring, float64 [DABS].

    Kriging with an external drift, in its plainest form: `drift` is what another network gained by each dab, scaled to
    fit what was measured here; on it lie the residuals of what was measured, smoothed. Of what was measured here the
    measure counts, although it may be of a picture with fewer dabs.
    """

    def __init__(self) -> None:
        self.drift = np.zeros(DABS)
        self._gains = np.full(DABS, np.nan)
        places_apart = np.subtract.outer(np.arange(SIDE), np.arange(SIDE))
        self._near = np.exp(-(places_apart**2) / (2 * NEAR**2))

    def saw(self, numbers: Indices, gains: Float64) -> None:
        """So much the margin rose by each of these dabs."""
        self._gains[numbers] = gains

    def knows_nothing(self) -> bool:
        """Whether there is neither a measure nor a drift to go by."""
        return bool(np.isnan(self._gains).all()) and not self.drift.any()

    def expected(self) -> Float64:
        """The gain of each dab, as far as one can tell."""
        known = ~np.isnan(self._gains)
        drift, gained = self.drift[known], self._gains[known]
        slope = max(0.0, float(drift @ gained) / float(drift @ drift)) if drift.any() else 1.0
        left = np.zeros(DABS)
        left[known] = gained - slope * drift
        found = slope * self.drift + self._smooth(left) / (self._smooth(known.astype(np.float64)) + DOUBT)
        return np.where(known, self._gains, found)

    def best(self, numbers: Indices, count: int) -> Indices:
        """Of these dabs the `count` most promising, the best first."""
        return numbers[np.argsort(-self.expected()[numbers], kind="stable")][:count]

    def apart(self, numbers: Indices, count: int) -> Indices:
        """The same, but none near a better one of its kind while there are others: where few are tried."""
        return spread(self.best(numbers, len(numbers)), count)

    def _smooth(self, values: Float64) -> Float64:
        return np.asarray(self._near @ values.reshape(2, SIDE, SIDE) @ self._near).reshape(-1)


def near(one: int, other: int) -> bool:
    """Whether two dabs are of the same kind and less than APART from each other."""
    a, b = places(np.array([one, other]))
    return bool(a[2] == b[2] and np.hypot(*(a - b)[:2]) < APART)


def spread(order: Indices, count: int) -> Indices:
    """The first `count` of dabs that lie APART from all before them; where those are too few, the next of the rest."""
    if count >= len(order):
        return order
    where, chosen = places(order), np.zeros(len(order), bool)
    free = np.ones(len(order), bool)
    while free.any() and chosen.sum() < count:
        first = int(free.argmax())
        chosen[first] = True
        away = where - where[first]
        free &= (np.hypot(away[:, 0], away[:, 1]) >= APART) | (away[:, 2] != 0)
    others = np.flatnonzero(~chosen)[: count - int(chosen.sum())]
    found: Indices = order[np.concatenate([np.flatnonzero(chosen), others])]
    return found


def grid(numbers: Indices, count: int) -> Indices:
    """At most `count` of dabs, on the finest square grid on which they are no more."""
    where = places(numbers)[:, :2]
    for step in range(1, SIDE):
        on = (where % step == step // 2).all(1)
        if on.sum() <= count and on.any():
            found: Indices = numbers[on]
            return found
    return numbers[:count]
