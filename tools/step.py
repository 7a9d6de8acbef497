"""A step of `make figures`: a command, the files that it records, and what tells whether they are up to date."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models import checkpoints
from models.data import scene_sets
from tools import tables
from tools.unchanged import digest_of

EVALUATE = ("-m", "models.evaluation.evaluate")


@dataclass(frozen=True)
class Step:
    """A command and the files that it records.

    ``stale``: why these are not of what is there now, None if they are; asked anew each time. ``left``: why it cannot
    be made here, if it cannot. ``after``: the steps whose files it reads: what they change makes it stale too.
    ``repairs``: it adds what older records lack; those made now have it. ``then``: what is done once it has run.
    """

    name: str
    command: tuple[str, ...]
    records: tuple[Path, ...]
    stale: Callable[[], str | None]
    after: tuple[str, ...] = ()
    left: Callable[[], str | None] = lambda: None
    repairs: bool = False
    then: Callable[[], None] = lambda: None


@dataclass(frozen=True)
class Place:
    """Where datasets with the photographs, checkpoints, scenes and the project lie."""

    data: Path
    weights: Path
    scenes: Path = scene_sets.FOLDER
    root: Path = tables.ROOT

    def checkpoint(self, name: str, dataset: str) -> Path:
        return checkpoints.path_for(dataset, name, self.weights)

    def digest(self, name: str, dataset: str) -> str:
        return digest_of(self.checkpoint(name, dataset))


def evaluate(place: Place, name: str, dataset: str, *options: str) -> tuple[str, ...]:
    """The command that evaluates one checkpoint."""
    where = ("--weights", str(place.weights), "--data-dir", str(place.data))
    return (*EVALUATE, "--model", name, "--dataset", dataset, *options, *where)


def of_another(path: Path, key: str, digest: str) -> str | None:
    """Why a record is not of the checkpoint with a digest, which it names under ``key``; None if it is."""
    if (told := read(path)) is None:
        return f"there is no {path.name}"
    return None if told.get(key) == digest else f"{path.name} is of {str(told.get(key))[:8]}, not {digest[:8]}"


def read(path: Path) -> dict[str, Any] | None:
    """A record; None where there is none, or it is damaged."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return told if isinstance(told, dict) else None


def content(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.is_file() else None


def named(names: list[str], most: int = 3) -> str:
    """The first names, and how many more there are."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
