"""Large counts, as parameters and multiply-adds, for people."""

from __future__ import annotations

UNITS = ((1e9, "G"), (1e6, "M"), (1e3, "k"))


def short(value: float) -> str:
    """A count in three digits, with its unit: 44.4 k, 11.2 M, 7.55 G."""
    for unit, letter in UNITS:
        if value >= unit:
            return f"{value / unit:.3g} {letter}"
    return f"{value:.3g}"
