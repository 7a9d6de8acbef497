"""What is recorded of a study: its figures and sentence as JSON, its chart as SVG."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from models import processor
from models.charts import style
from models.checkpoints.atomic import write_json
from models.studies import runs
from models.studies.study import Study

FOLDER = Path(__file__).resolve().parents[2] / "weights" / "studies"
FLAGS = ("avx2", "avx512f", "avx512_bf16", "amx_tile")


def write(study: Study, variants: dict[str, dict[str, Any]], data: runs.Data, folder: Path = FOLDER) -> dict[str, Any]:
    """Write NAME.json and NAME.svg into a folder; the record."""
    plan = study.plan
    seconds = sum(variant["seconds"] for variant in variants.values())
    record = {
        "study": study.name,
        "date": datetime.now(UTC).date().isoformat(),
        "hardware": hardware(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "dataset": runs.DATASET,
        "n": {"learn": plan.pictures, "held_out": len(data.held_out[1]), "test": len(data.test[1])},
        "seeds": [run["seed"] for run in next(iter(variants.values()))["runs"]],
        "training": {"passes": plan.passes, "steps": plan.steps, "batch_size": plan.batch_size, "precision": "float32"},
        "seconds": round(seconds),
        "variants": variants,
    }
    return _written(study, record, folder)


def renew(study: Study, folder: Path = FOLDER) -> dict[str, Any]:
    """Sentence and chart made anew from recorded figures. FileNotFoundError where there are none."""
    return _written(study, json.loads((folder / f"{study.name}.json").read_text(encoding="utf-8")), folder)


def _written(study: Study, record: dict[str, Any], folder: Path) -> dict[str, Any]:
    told = study.conclude(record["variants"])
    words = {"title": study.title, "question": study.question, "outcome": told.outcome, "sentence": told.sentence}
    record = {"study": study.name, **words, **{key: value for key, value in record.items() if key not in words}}
    write_json(folder / f"{study.name}.json", record)
    draw(study, record, folder / f"{study.name}.svg")
    return record


def draw(study: Study, record: dict[str, Any], path: Path) -> None:
    """The chart of a study: its panels side by side."""
    with style.figure(5 * len(study.panels), 3.6) as (fig, _):
        fig.clear()
        axes = fig.subplots(1, len(study.panels), squeeze=False)[0]
        for ax, panel in zip(axes, study.panels, strict=True):
            panel(ax, record["variants"])
        seeds, n = len(record["seeds"]), record["n"]
        told = f"{record['dataset']}, {n['learn']:,} pictures, {record['training']['passes']} passes, {seeds} seeds"
        fig.suptitle(f"{record['title']} ({told})", fontsize="medium")
        style.save(fig, path)


def hardware() -> dict[str, Any]:
    """The processor, and how many threads were used of it."""
    known = processor.read()
    flags = [flag for flag in FLAGS if flag in known.flags]
    return {"processor": known.name, "flags": flags, "threads": torch.get_num_threads()}
