"""A run's learning curve, as the report beside its checkpoint keeps it: a column a figure, an entry an epoch.

The run's own history.jsonl (``run_log``) stays under runs/, which nobody ships.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from models import checkpoints
from models.checkpoints import reports
from models.training import run_log
from models.training.trainer import Trainer

SUMMED = ("run", "pictures", "seconds")  # where a run goes on from another one, these go on too
AS_THEY_ARE = ("phase", "epoch", "learning_rate", "loss", "held_out_accuracy", "held_out_n")


def of_run(trainer: Trainer, weights: Path) -> dict[str, Any]:
    """The curve of a run that ended, after that of the checkpoint in ``weights`` that it refined, if that has one."""
    known, metadata = trainer.classifier, trainer.classifier.metadata
    place = checkpoints.path_for(known.dataset, known.architecture, weights)
    before = (reports.of(place, metadata.get("digest")) or {}).get("history")
    return joined(before, run_log.lines(trainer.folder), from_scratch=not metadata)


def joined(
    before: Mapping[str, Any] | None, lines: Sequence[Mapping[str, Any]], *, from_scratch: bool
) -> dict[str, Any]:
    """The curve of a run with these ``lines`` of its history.

    ``before``: the curve of the checkpoint that it went on from. Where that is not known, the curve of a run that was
    not ``from_scratch`` begins with a network that had learned already.
    """
    if before is not None and not before["run"]:
        before = None  # of one step, after which it was killed
    own: dict[str, list[Any]] = {name: [line.get(name) for line in lines] for name in AS_THEY_ARE}
    own["run"] = [0 if before is None else before["run"][-1] + 1] * len(lines)
    pictures, seconds = (0, 0.0) if before is None else (before["pictures"][-1], before["seconds"][-1])
    own["pictures"] = [pictures + line["pictures"] for line in lines]
    own["seconds"] = [round(seconds + 60 * line["minutes"], 1) for line in lines]
    columns = {name: [*(before or {}).get(name, ()), *own[name]] for name in (*SUMMED, *AS_THEY_ARE)}
    begins = from_scratch if before is None else before["from_scratch"]
    return {"from_scratch": begins, **columns}
