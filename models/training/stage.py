"""What one phase of a run trains: a model, which is the network or a part of it, with its optimizer and average."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from models.classifier import Classifier
from models.training.optimisation import make_optimizer
from models.training.recipes import Phase, Recipe
from models.training.world import World


class PooledHead(nn.Module):
    """A temporary head on a stage of convolutions: global average pool and a linear layer; any input size."""

    def __init__(self, conv: nn.Module, input_size: int) -> None:
        super().__init__()
        width = [layer.out_channels for layer in conv.modules() if isinstance(layer, nn.Conv2d)][-1]
        self.conv = conv
        self.linear = nn.Linear(width, 10)
        self.input_size = input_size

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.linear(self.conv(x).mean(dim=(2, 3)))
        return logits


class Stage:
    """``model``, which a phase trains in place by calling ``learner``; ``optimizer``; and ``average``, the moving
    average of its weights that the phase ends with, if the recipe wants one.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, phase: Phase, world: World) -> None:
        self.model, self.learner = model, world.wrap(model)
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

    @property
    def rate(self) -> float:
        """At which the last step moved weights."""
        return float(self.optimizer.param_groups[0]["lr"])

    def set_rate(self, rate: float) -> None:
        """Let the next step move weights at this rate."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def step(self) -> None:
        """Move the weights by their gradients, and the average after them."""
        self.optimizer.step()
        if self.average is not None:
            self.average.update_parameters(self.model)

    def finish(self) -> None:
        """Put the average in the model's place."""
        if self.average is not None:
            self.model.load_state_dict(self.average.module.state_dict())


def stage_of(
    classifier: Classifier, pooled: PooledHead | None, recipe: Recipe, phase: Phase, size: int, world: World
) -> Stage:
    """The stage of a phase: the whole of ``classifier``, now for pictures of ``size`` pixels, or its convolutions under
    the head ``pooled``, or its layers above them.
    """
    classifier.resize(size)
    if phase.head == "features":
        return Stage(classifier.network.fc, recipe, phase, world)  # type: ignore[arg-type]
    if phase.head == "own":
        return Stage(classifier, recipe, phase, world)
    assert pooled is not None
    below = Classifier(pooled, architecture=classifier.architecture, dataset=classifier.dataset)
    below.resize(size)
    return Stage(below, recipe, phase, world)


def _moving(decay: float) -> Callable[[Tensor, Tensor, Tensor | int], Tensor]:
    """An exponential moving average that forgets faster in its first steps, so that short phases gain from it too."""

    def average(before: Tensor, now: Tensor, count: Tensor | int) -> Tensor:
        if not before.is_floating_point():  # a count of batches, or the places of a sparse layer
            return now
        steps = float(count)
        return torch.lerp(now, before, min(decay, (1 + steps) / (10 + steps)))

    return average
