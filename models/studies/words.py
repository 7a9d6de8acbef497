"""Measured figures as words: mean and spread over the seeds, and whether two differ by more than that."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.studies.study import Outcome

# Of a unit: by what a figure is multiplied, its decimals, what follows it, and what follows a difference.
UNITS = {
    "%": (100, 1, " %", " points"),
    "points": (100, 1, " points", " points"),
    "n": (1, 0, "", ""),
    "rate": (1, 2, "", ""),
    "": (1, 3, "", ""),
}
SAME = "no difference beyond the spread of the seeds"
ONE_SEED = "one seed: no spread to tell a difference by"


@dataclass(frozen=True)
class Told:
    """A figure over the seeds: mean and sample standard deviation. Both are None where a run has no such figure: it
    diverged, or never got there. Of a single seed ``spread`` is None.
    """

    mean: float | None
    spread: float | None

    def __format__(self, unit: str) -> str:
        """ "88.1 ± 0.2 %": by a unit of UNITS; "88.1 %" of one seed; "not in every run" where there is no mean."""
        if self.mean is None:
            return "not in every run"
        scale, digits, sign, _ = UNITS[unit]
        spread = "" if self.spread is None else f" ± {scale * self.spread:,.{digits}f}"
        return f"{scale * self.mean:,.{digits}f}{spread}{sign}"


def over_seeds(values: Sequence[float | None]) -> Told:
    """Mean and deviation of a figure, one value a seed."""
    if not values or None in values:
        return Told(None, None)
    known = [value for value in values if value is not None]
    return Told(statistics.fmean(known), statistics.stdev(known) if len(known) > 1 else None)


def of(variant: Mapping[str, Any], figure: str) -> Told:
    """A figure of a variant of a record."""
    return over_seeds([run[figure] for run in variant["runs"]])


def apart(one: Told, other: Told) -> int | None:
    """1 if ``one`` is above ``other`` by more than their two deviations together, -1 if below, else 0. None where that
    cannot be told: a figure is not there, or of one seed.
    """
    if one.mean is None or other.mean is None or one.spread is None or other.spread is None:
        return None
    difference = one.mean - other.mean
    if abs(difference) <= one.spread + other.spread:
        return 0
    return 1 if difference > 0 else -1


def seen(one: Told, other: Told, *signs: int) -> bool | None:
    """Whether ``one`` stands to ``other`` as ``apart`` tells with one of ``signs``; None where that cannot be told."""
    sign = apart(one, other)
    return None if sign is None else sign in signs


def side_by_side(one: tuple[str, Told], other: tuple[str, Told], *, unit: str = "%") -> str:
    """Two named figures and what lies between them: "A 91.0 ± 0.2 %, B 90.1 ± 0.3 % (A 0.9 points higher)"."""
    both = ", ".join(f"{name} {format(told, unit)}" for name, told in (one, other))
    if one[1].mean is None or other[1].mean is None:
        return both
    if not (sign := apart(one[1], other[1])):
        return f"{both} ({ONE_SEED if sign is None else SAME})"
    scale, digits, _, of_difference = UNITS[unit]
    far = f"{scale * abs(one[1].mean - other[1].mean):,.{digits}f}{of_difference}"
    return f"{both} ({one[0]} {far} {'higher' if sign > 0 else 'lower'})"


def outcome(*claims: bool | None) -> Outcome:
    """Of what the story claims: all seen, some, or nothing; a claim is None where that cannot be told."""
    if any(claims):
        return "borne out" if all(claims) else "in part"
    return "cannot be told" if None in claims else "not borne out"
