"""Studies as the tests need them: so small that a run takes a moment, and figures made up from what is said of each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from models.studies.study import Study

SEEDS = (1, 2, 3)
JITTER = (-1.0, 0.0, 1.0)  # of each seed, in units of what is said


def variant(
    title: str = "", *, spread: float = 0.002, gradients: tuple[float, ...] = (1.0, 1.0), **said: Any
) -> dict[str, Any]:
    """A variant of a record with three seeds whose figures lie around those ``said``; None stays None."""
    figures = {"test_accuracy": 0.88, "train_accuracy": 0.9, "gap": 0.02, "loss": 0.3, "highest_rate": 0.1} | said
    runs = []
    for seed, jitter in zip(SEEDS, JITTER, strict=True):
        run = {name: None if value is None else value + jitter * spread for name, value in figures.items()}
        reached = said.get("reached", 80)
        points = [
            {"step": step, "loss": 0.5, "held_out_accuracy": 0.9 if reached and step >= reached else 0.5}
            for step in range(20, 201, 20)
        ]
        ladder = [{"rate": rate, "held_out_accuracy": 0.6} for rate in (0.1, 1.0)]
        runs.append(run | {"seed": seed, "gradients": list(gradients), "curve": points, "ladder": ladder})
    told = {"title": title, "parameters": said.get("parameters", 1_000), "macs": said.get("macs", 1_000_000)}
    return told | {"rate": 0.1, "tried": [], "seconds": 3.0, "runs": runs}


def tiny(study: Study) -> Study:
    """A study of two steps a run."""
    ladder = study.ladder and replace(study.ladder, rates=study.ladder.rates[:2], steps=2)
    plan = replace(study.plan, pictures=32, passes=1, batch_size=16, watch_every=1)
    return replace(study, plan=plan, ladder=ladder)
