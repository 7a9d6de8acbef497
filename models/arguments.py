"""Numbers on the command line: whoever gives a wrong one is told which it is and what would be right."""

from __future__ import annotations

import argparse
from collections.abc import Callable

MOST_SEED = 2**32 - 1  # from which every step of a training draws a seed that PyTorch still takes


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """For ``type=`` of an argument that is a whole number from ``least`` to ``most``, None: of any size."""
    wanted = f"a whole number from {least} {'up' if most is None else f'to {most}'}"

    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise _wrong(text, wanted) from None
        if value < least or (most is not None and value > most):
            raise _wrong(text, wanted)
        return value

    return parse


def above_zero(text: str) -> float:
    """For ``type=`` of an argument that is a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise _wrong(text, "a number above 0")
    return value


def _wrong(text: str, wanted: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"it is {text[:64]!r}; wanted {wanted}")
