"""What older reports lack: ``lineup evaluate --mistakes`` adds where the network was wrong, and what a reliability
diagram shows.

The checkpoint stays as it is, byte for byte, and so does all else in its report: the answers must have the confusion
matrix that is recorded. On another processor a picture between two classes may fall to the other one; then nothing is
written.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from torch.nn import functional

from models import checkpoints
from models.checkpoints import atomic, reports
from models.data.pictures import evenly, spread
from models.data.splits import load_split
from models.evaluation import metrics
from models.evaluation.each import each
from models.evaluation.logits import compute_logits


class NotTheSame(RuntimeError):
    """There is no report of this checkpoint, or its figures are others than those found now; the message says which."""


def record(path: str | Path, data_dir: str | Path, *, device: torch.device | str = "cpu") -> int:
    """Add to a checkpoint's report where it was wrong (``metrics.mistakes``) and ``metrics.reliability`` at the
    temperature that is recorded; returns how often it was wrong.

    CheckpointError for a file that cannot be trusted, or took another's place meanwhile; DataError where the dataset is
    not there; NotTheSame.
    """
    classifier = checkpoints.load(path, device)
    if (report := reports.of(path, classifier.metadata["digest"])) is None:
        place = reports.path_for(path)
        raise NotTheSame(f"{place} is not there, or not of this checkpoint; evaluate it without --mistakes")
    pictures, labels = load_split(classifier.dataset, "test", data_dir)
    places = spread(len(pictures), int(report["n"]))
    pictures, labels = evenly(pictures, labels, int(report["n"]))
    logits = compute_logits(classifier, pictures, note="mistakes")
    answers, confidence = logits.argmax(1), functional.softmax(logits / report["temperature"], dim=1).max(1).values
    if moved := _moved(report["confusion"], metrics.confusion(answers, labels, len(classifier.classes)).tolist()):
        told = "; ".join(f"{was} answers {said} of class {true} are {now}" for true, said, was, now in moved)
        right = "evaluate it without --mistakes, which measures all of it anew"
        raise NotTheSame(f"the answers here are not those of the report: {told}; nothing was written; {right}")
    digest = report.pop("digest")  # stays the last
    report["reliability"] = metrics.reliability(confidence, answers == labels)
    report |= {"mistakes": metrics.mistakes(answers, labels, places), "digest": digest}
    reports.check_same(path, digest)
    atomic.write_json(reports.path_for(path), report)
    return len(report["mistakes"])


def _moved(before: list[list[int]], now: list[list[int]]) -> list[tuple[int, int, int, int]]:
    """Cells that differ: true class, answer, and both counts."""
    return [
        (true, said, was, found)
        for true, (row, new) in enumerate(zip(before, now, strict=True))
        for said, (was, found) in enumerate(zip(row, new, strict=True))
        if was != found
    ]


def run(options: argparse.Namespace, pairs: Sequence[tuple[str, str]]) -> int:
    """Record the mistakes of each pair; 1 if one could not be."""

    def told(path: Path) -> str:
        return f"{record(path, options.data_dir, device=options.device)} mistakes"

    return each(pairs, options.weights, told, NotTheSame)
