"""What divides logits where probabilities are wanted, as headers tell it."""

from __future__ import annotations

LEAST, MOST = 0.01, 100
WANTED = f"wanted a number from {LEAST} to {MOST}"


def is_temperature(value: object) -> bool:
    """Whether a header's value may divide logits."""
    return isinstance(value, float | int) and not isinstance(value, bool) and LEAST <= value <= MOST
