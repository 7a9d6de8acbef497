"""What was recorded of `lineup batch` (bench/batch.json), as a table of docs/operation.md."""

import json
from pathlib import Path
from typing import Any

RECORD = Path(__file__).resolve().parents[1] / "bench" / "batch.json"
HEADINGS = [
    "network",
    "bare loop, pictures/s (CPU ms)",
    "`lineup batch`",
    "bulk run, pictures",
    "killed after",
    "seconds",
    "MB at most",
]


def rows() -> tuple[list[str], list[list[str]]]:
    """Headings, and a row for each network."""
    record = json.loads(RECORD.read_text(encoding="utf-8"))
    names = [*record["bulk"], *(name for name in record["beside"] if name not in record["bulk"])]
    return HEADINGS, [
        [f"`{name}`", *_beside(record["beside"].get(name)), *_bulk(record["bulk"].get(name))] for name in names
    ]


def _beside(told: dict[str, Any] | None) -> list[str]:
    if told is None:
        return ["-"] * 2
    return [f"{told[way]['pictures_s']:,} ({told[way]['cpu_ms']:.2f})" for way in ("bare loop", "lineup batch")]


def _bulk(told: dict[str, Any] | None) -> list[str]:
    if told is None:
        return ["-"] * 4
    killed = ", ".join(f"{count:,}" for count in told["killed_after"])
    return [f"{told['rows']:,}", killed, f"{told['seconds']:,}", f"{told['peak_mb']:,}"]
