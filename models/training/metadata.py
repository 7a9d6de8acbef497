"""What a checkpoint tells of its making."""

from __future__ import annotations

import platform
from typing import Any

import torch

from models.training import lineage
from models.training.trainer import Trainer


def of_run(trainer: Trainer, kind: str) -> dict[str, Any]:
    """Of a run that ended, by a recipe of that ``kind``; of a refined checkpoint, what it was refined from too. JSON
    that fits a header, whatever is in that of the one refined: a run does not end with a file that cannot be written.
    """
    before = trainer.classifier.metadata
    device = torch.cuda.get_device_name() if trainer.device.type == "cuda" else f"CPU, {platform.machine()}"
    return {
        "recipe": {**trainer.identity["recipe"], "kind": kind, "seed": trainer.identity["seed"]},
        "training": {
            "minutes": round(trainer.at.total_seconds / 60, 1),
            "pictures": trainer.at.total_seen,
            "steps": trainer.at.step,
            "device": device,
            "threads": torch.get_num_threads(),
            **({"processes": trainer.world.size} if trainer.world.size > 1 else {}),
            "precision": "bfloat16 autocast" if trainer.at.bfloat16 else "float32",
            **({"taught_by": trainer.objective.digests} if trainer.recipe.teachers else {}),
            **({"refined_from": lineage.refined_from(before)} if before else {}),
        },
    }
