"""What is asked of a checkpoint's header, once for those that load it with torch and those that compile it without."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from models.checkpoints.file_format import CheckpointError, Content

LEAST, MOST = 0.01, 100
WANTED = f"wanted a number from {LEAST} to {MOST}"


def expect(content: Content, **wanted: object) -> None:
    """Raise CheckpointError, naming both sides, if the header says anything else of these keys."""
    if any(content.header.get(key) != value for key, value in wanted.items()):
        told = ", ".join(f"{key} {shortened(content.header.get(key))}" for key in wanted)
        raise CheckpointError(f"{content.path} has {told}; wanted {', '.join(f'{k} {v!r}' for k, v in wanted.items())}")


def expect_network(path: Path, header: Mapping[str, Any], architecture: str, dataset: str) -> None:
    """Raise CheckpointError, naming both sides, if the header of the file at ``path`` is of another network or dataset
    than these, whose place that is (``folder.path_for``): it would answer with another's classes, or for another.
    """
    found = header.get("architecture"), header.get("dataset")
    if found != (architecture, dataset):
        holds = " for ".join(map(str, found))
        raise CheckpointError(f"{path} holds {holds}, not {architecture} for {dataset}")


def temperatures(content: Content, names: Collection[str]) -> dict[str, float]:
    """What divides the logits of each of several networks. Raises CheckpointError if one has none."""
    found = content.header.get("temperatures")
    if not isinstance(found, dict) or not all(is_temperature(found.get(name)) for name in names):
        right = f"{WANTED} for each of {', '.join(names)}"
        raise CheckpointError(f"{content.path} has the temperatures {shortened(found)}; {right}")
    return {name: float(found[name]) for name in names}


def is_temperature(value: object) -> bool:
    """Whether a header's value may divide logits."""
    return isinstance(value, float | int) and not isinstance(value, bool) and LEAST <= value <= MOST
