"""Where the figures of a measurement go: what is committed is of its default options alone."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from models.checkpoints import atomic


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


def keep(record: Path | None, found: object, failed: Sequence[str]) -> int:
    """Write what was found. 1 if something `failed`, which is named and replaces no record that is there; else 0."""
    if failed and record and record.exists():
        print(
            f"bench: no figures of {' and '.join(failed)}: {record} stays as it was; "
            "--record FILE, of one that is not there, keeps those of the others",
            file=sys.stderr,
        )
    elif record:
        atomic.write_json(record, found)
    return 1 if failed else 0
