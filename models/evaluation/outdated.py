"""What was recorded of a checkpoint holds for its digest alone, which an evaluation changes with the figures in the
header: what that costs is told.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from models import checkpoints
from models.checkpoints import reports
from models.compiled import record


def outdated(path: Path, report: Mapping[str, Any]) -> Iterator[str]:
    """A line for each record beside a checkpoint that held until ``report`` was written, and the command that makes it
    anew; no line where the digest is as it was.
    """
    before = report["digest_before"]
    if report["digest"] == before:
        return
    if record.read(path, before) != record.Record():
        yield _line(path, record.path_for(path), report, "--forms", ", and until then it runs in float32 alone")
    if reports.of(path, before, reports.ROBUSTNESS):
        yield _line(path, reports.path_for(path, reports.ROBUSTNESS), report, "--robustness")


def _line(path: Path, file: Path, report: Mapping[str, Any], option: str, until_then: str = "") -> str:
    weights = path.parents[1]
    elsewhere = weights.resolve() != checkpoints.place().resolve()
    options = [option, f"--weights {shlex.quote(str(weights))}"] if elsewhere else [option]
    command = reports.command(report["dataset"], report["architecture"], *options)
    return f"  {file} is of the checkpoint before its figures changed, and no longer holds: {command}{until_then}"
