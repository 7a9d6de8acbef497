"""Whether what a run made is better than what is there, and how it takes its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from models import checkpoints
from models.checkpoints import atomic, file_format
from models.checkpoints.described import described

SAME = ("held_out_n", "sent_n", "sent_of")  # tell which pictures figures are of
ALLOWED_LOSS = 0.001  # of the dataset's held-out pictures, for what is gained on pictures as people send them


def ship(result: Path, root: Path, measure: Callable[[Path], Mapping[str, Any]]) -> str:
    """Put a measured checkpoint and its report into ``root`` unless a better one is there. Where that one's figures are
    of other pictures, as of scenes made since, or do not tell of which, ``measure`` tells those of the same.

    First the old report goes, then the checkpoint is replaced, then its report comes: if this stops on the way, a
    checkpoint without a report is left, never a report that contradicts its checkpoint. Shipped again, it then comes.
    """
    header = checkpoints.read_header(result)
    place = checkpoints.path_for(header["dataset"], header["architecture"], root)
    new = header["metrics"]
    try:
        old = _figures(place) if place.is_file() else {}
        if old and any(old.get(key) != new.get(key) for key in SAME):
            old.update(measure(place))
    except checkpoints.CheckpointError:
        old = {}
    report = place.with_suffix(".json")
    if old and not better(new, old) and not (old == new and not report.is_file()):
        return f"{place} stays: {_told(old)} against {_told(new)} of {result}"
    report.unlink(missing_ok=True)
    atomic.copy(result, place)
    atomic.copy(result.with_suffix(".json"), report)
    return f"{place}: {_told(new)}, {place.stat().st_size / 2**20:.2f} MiB"


def _figures(place: Path) -> dict[str, Any]:
    """What a file says was measured of it. CheckpointError for one that the service would refuse."""
    return dict(described(file_format.open_file(place)).content.header.get("metrics", {}))


def better(new: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """By held-out pictures of the dataset; where it was measured on pictures as people send them, by the sum of both,
    but at no more cost to the dataset than ALLOWED_LOSS. One that was not never replaces one that was: it never saw
    such pictures.
    """
    gain = float(new["held_out_accuracy"] - old.get("held_out_accuracy", 0.0))
    if "sent_accuracy" not in new:
        return gain > 0 and "sent_accuracy" not in old
    return gain >= -ALLOWED_LOSS and gain + new["sent_accuracy"] - old.get("sent_accuracy", 0.0) > 0


def _told(figures: Mapping[str, Any]) -> str:
    sent_too = f", {figures['sent_accuracy']:.2%} of sent ones" if "sent_accuracy" in figures else ""
    return f"{figures.get('held_out_accuracy', 0):.2%} of the held-out pictures{sent_too}"
