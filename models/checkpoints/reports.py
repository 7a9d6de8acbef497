"""What evaluation measured of a checkpoint, as JSON beside it: the report, and how robust its network is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

REPORT, ROBUSTNESS = ".json", ".robustness.json"


def path_for(checkpoint: str | Path, kind: str = REPORT) -> Path:
    """Where the report of a checkpoint, or what ``kind`` says, lies, whether or not it is there."""
    return Path(checkpoint).with_suffix(kind)


def of(checkpoint: str | Path, digest: str | None, kind: str = REPORT) -> dict[str, Any] | None:
    """The report of the checkpoint with this digest, or what ``kind`` says; None where there is none, it is damaged, or
    it is of another file that had the same place.
    """
    try:
        report = json.loads(path_for(checkpoint, kind).read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    if not (isinstance(report, dict) and digest is not None and report.get("digest") == digest):
        return None
    if isinstance(history := report.get("history"), dict) and isinstance(watched := history.get("held_out_n"), int):
        history["held_out_n"] = [watched] * len(history["epoch"])  # until November 2026 one number stood for all
    return report


def command(dataset: str, name: str, *options: str) -> str:
    """What measures a checkpoint of a network, for those who miss a part: `lineup evaluate`, with ``options``."""
    return " ".join(("lineup evaluate", *options, f"--model {name} --dataset {dataset}"))
