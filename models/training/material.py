"""What one phase of a run learns from and is watched on."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from models.training.augment import Augmentation, augment
from models.training.pool import Pool

DEAR = 112  # pixels: of pictures larger than this only so many are watched:
WATCHED_DEAR = 400


@dataclass(frozen=True)
class Material:
    """``inputs`` [N, ...] of the stage's model and the classes that are right for each, ``allowed`` bool [N, 10];
    ``watched``: other inputs and their labels int64 [M]; ``order``: from a seed to the indices int64 of an epoch;
    ``augmentation`` moves the inputs, where they are pictures.
    """

    inputs: Tensor
    allowed: Tensor
    watched: tuple[Tensor, Tensor]
    order: Callable[[int], Tensor]
    augmentation: Augmentation | None = None

    def batch(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """What the model gets of these inputs, and what is right for each."""
        inputs = self.inputs[index]
        return augment(inputs, self.augmentation) if self.augmentation else inputs.float(), self.allowed[index]

    @torch.inference_mode()
    def watched_accuracy(self, model: nn.Module) -> float:
        """Share of the watched inputs that a model gets right; not a number where one of its answers is none."""
        inputs, labels = self.watched
        logits = torch.cat([model(part) for part in inputs.split(100)])
        return float((logits.argmax(1) == labels).double().mean()) if logits.isfinite().all() else math.nan


def of_pictures(
    pool: Pool, watched: tuple[Tensor, Tensor], share: float, side: int, augmentation: Augmentation
) -> Material:
    """The pictures themselves, a ``share`` of them scenes, for a network whose input is ``side`` pixels."""
    if side > DEAR:
        watched = watched[0][:WATCHED_DEAR], watched[1][:WATCHED_DEAR]
    return Material(pool.pictures, pool.allowed, watched, lambda seed: pool.order(seed, share), augmentation)
