"""The report beside a checkpoint: what evaluation measured of it, as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def path_for(checkpoint: str | Path) -> Path:
    """Where the report of a checkpoint lies, whether or not it is there."""
    return Path(checkpoint).with_suffix(".json")


def of(checkpoint: str | Path, digest: str | None) -> dict[str, Any] | None:
    """The report of the checkpoint with this digest; None where there is none, it is damaged, or it is of another file
    that had the same place.
    """
    try:
        report = json.loads(path_for(checkpoint).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return report if isinstance(report, dict) and digest is not None and report.get("digest") == digest else None
