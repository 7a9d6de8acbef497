"""What a training run says: a progress bar an epoch, and a line of its history after it."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from torch import Tensor

from models.checkpoints import atomic
from models.training.run_state import Position


def bar(title: str) -> Progress:
    """A progress bar, on a terminal only: a log file gets the line of the history."""
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.fields[told]}"), TimeRemainingColumn())
    return Progress(*columns, transient=True, disable=not sys.stdout.isatty())


def told(totals: Tensor, rate: float) -> str:
    """What a progress bar says of an epoch so far: ``totals`` are of loss, right answers and pictures."""
    loss, right, count = totals.tolist()
    return f"loss {loss / count:.3f}  accuracy {right / count:.2%}  {rate:.0f} images/s"


def line(at: Position, totals: Tensor, watched_accuracy: float, watched: int) -> dict[str, Any]:
    """What the history has of an epoch that ended; ``totals`` as for ``told``, ``watched``: how many pictures."""
    loss, right, count = totals.tolist()
    return {
        "phase": at.phase,
        "epoch": at.epoch,
        "pictures": at.total_seen,
        "minutes": round(at.total_seconds / 60, 2),
        "loss": round(loss / count, 4),
        "accuracy": round(right / count, 4),
        "held_out_accuracy": round(watched_accuracy, 4),
        "held_out_n": watched,
    }


def lines(folder: Path) -> list[dict[str, Any]]:
    """The run's history, without what was cut short while it was written."""
    path, found = folder / "history.jsonl", []
    for text in path.read_text(encoding="utf-8").splitlines() if path.is_file() else ():
        with suppress(json.JSONDecodeError):
            found.append(json.loads(text))
    return found


def cut(folder: Path, seen: int) -> None:
    """Keep what a run had told when it had seen so many pictures: what it learned afterwards and did not save it learns
    anew, and where minutes are counted it may end before it is there again.
    """
    if (path := folder / "history.jsonl").is_file():
        kept = [json.dumps(line) + "\n" for line in lines(folder) if line["pictures"] <= seen]
        atomic.write(path, "".join(kept).encode())


def write(folder: Path, name: str, line: dict[str, Any]) -> None:
    """Add a line to the run's history.jsonl and print it."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "history.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    print(f"{name}: {line}", flush=True)
