"""Names on the command line, separated by commas."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable


def among(known: Iterable[str]) -> Callable[[str], list[str]]:
    """For ``type=`` of an argument that is one of the known names, or several."""
    there = list(known)

    def parse(told: str) -> list[str]:
        names = [name.strip() for name in told.split(",")]
        if wrong := [name for name in names if name not in there]:
            raise argparse.ArgumentTypeError(f"no {', '.join(map(repr, wrong))}; there are: {', '.join(there)}")
        return names

    return parse
