"""What evaluation measured of a checkpoint, as JSON beside it: the report, and how robust its network is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from models.checkpoints import file_format

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
    return report if isinstance(report, dict) and digest is not None and report.get("digest") == digest else None


def check_same(checkpoint: str | Path, digest: str) -> None:
    """CheckpointError if another file, as of a training that ended, is where the one with this digest was: asked before
    what was measured of it is written.
    """
    if file_format.read_header(checkpoint)["digest"] != digest:
        right = "nothing more is written; evaluate it again"
        raise file_format.CheckpointError(f"{checkpoint} was replaced while it was measured; {right}")


def command(dataset: str, name: str, *options: str) -> str:
    """What measures a checkpoint of a network, for those who miss a part: `lineup evaluate`, with ``options``."""
    return " ".join(("lineup evaluate", *options, f"--model {name} --dataset {dataset}"))
