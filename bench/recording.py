"""Where the figures of a measurement go: what is committed is of its default options alone."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path


def place(
    parser: argparse.ArgumentParser, options: argparse.Namespace, record: Path, names: Sequence[str]
) -> Path | None:
    """The file to write: what --record names, else `record`; None, which is said, where one of the options `names` is
    other than by default. ValueError where --record would put such figures into `record`.
    """
    given: Path | None = options.record
    others = [f"--{name.replace('_', '-')}" for name in names if getattr(options, name) != parser.get_default(name)]
    if not others:
        return given or record
    told = " and ".join(others)
    if given is None:
        print(f"{told}: other than in {record.name}: shown and not recorded; --record FILE keeps it", flush=True)
    elif given.resolve() == record.resolve():
        raise ValueError(f"--record is {given}, which is of the defaults, and {told} is other; name another file")
    return given
