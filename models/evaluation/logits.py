"""What a classifier says of many pictures."""

from __future__ import annotations

import sys

import torch
from rich.progress import track
from torch import Tensor

from models.classifier import Classifier


@torch.inference_mode()
def compute_logits(classifier: Classifier, pictures: Tensor, *, batch_size: int = 100, note: str = "logits") -> Tensor:
    """float32 logits [N, 10] on the CPU of uint8 pictures [N, 28, 28], in float32 as they are served."""
    device = next(classifier.parameters()).device
    batches = pictures.split(batch_size)
    shown = track(batches, description=note, transient=True, disable=not sys.stdout.isatty())
    return torch.cat([classifier(batch.to(device)).cpu() for batch in shown])
