"""What a network says of many pictures: a classifier's with torch, or a compiled one's."""

from __future__ import annotations

import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from models.checkpoints import CheckpointError
from models.classifier import Classifier
from models.compiled.runner import Float, Runner, UInt8

BATCH = 16  # pictures that a thread runs at once


@torch.inference_mode()
def compute_logits(classifier: Classifier, pictures: Tensor, *, batch_size: int = 100, note: str = "logits") -> Tensor:
    """float32 logits [N, 10] on the CPU of uint8 pictures [N, 28, 28], in float32 as they are served. CheckpointError
    if one is not finite.
    """
    device = next(classifier.parameters()).device
    batches = pictures.split(batch_size)
    shown = track(batches, description=note, transient=True, disable=not sys.stdout.isatty())
    logits = torch.cat([classifier(batch.to(device)).cpu() for batch in shown])
    if not logits.isfinite().all():
        raise _not_finite(f"{classifier.architecture}, {classifier.dataset}")
    return logits


def run_logits(runner: Runner, pictures: UInt8, who: str, threads: int | None = None) -> Float:
    """float32 logits [N, 10] of uint8 pictures [N, 28, 28] by a compiled network; batches run on so many ``threads``,
    None: as many as there are processors. CheckpointError, which tells of ``who``, if one is not finite.
    """
    parts = [pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH)]
    with ThreadPoolExecutor(threads or os.cpu_count()) as pool:
        told = pool.map(runner.logits, parts)
        shown = track(told, who, len(parts), transient=True, disable=not sys.stdout.isatty())
        logits = np.concatenate(list(shown))
    if not np.isfinite(logits).all():
        raise _not_finite(who)
    return logits


def _not_finite(who: str) -> CheckpointError:
    """Its weights are finite, as was checked when they were read; what they make of a picture need not be."""
    return CheckpointError(f"{who}: it gives logits that are not finite; wanted numbers: train it again")
