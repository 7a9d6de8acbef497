"""What one phase of a run trains and learns from: a model with its optimizer and average, and the material."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models.training.augment import Augmentation, augment
from models.training.learning import make_optimizer
from models.training.recipes import Phase, Recipe


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


class Stage:
    """``model``, which a phase trains in place; ``optimizer``; and ``average``, the moving average of its weights that
    the phase ends with, if the recipe wants one.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, phase: Phase) -> None:
        self.model = model
        self.optimizer = make_optimizer(recipe, model, phase.lr)
        self.average = AveragedModel(model, avg_fn=_moving(recipe.ema), use_buffers=True) if recipe.ema else None

    @property
    def modules(self) -> dict[str, nn.Module]:
        """What belongs to the stage's state beside the network."""
        return {} if self.average is None else {"average": self.average}

    @property
    def watched(self) -> nn.Module:
        """The model as it would be if the phase ended now."""
        return self.model if self.average is None else self.average.module

    def step(self) -> None:
        """Move the weights by their gradients, and the average after them."""
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)

    def finish(self) -> None:
        """Put the average in the model's place."""
        if self.average is not None:
            self.model.load_state_dict(self.average.module.state_dict())


def _moving(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average that forgets faster in its first steps, so that short phases gain from it too."""

    def average(before: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        if not before.is_floating_point():  # a count of batches, or the places of a sparse layer
            return now
        steps = float(count)
        return torch.lerp(now, before, min(decay, (1 + steps) / (10 + steps)))

    return average
