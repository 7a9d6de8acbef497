"""What a network is taught by: labels, and other networks' answers to the very pictures that it learns from, moved and
erased as they are.

Hinton, Vinyals and Dean, Distilling the Knowledge in a Neural Network, 2015; that teacher and learner see the same crop
is what makes it work best: Beyer et al., Knowledge distillation: A good teacher is patient and consistent, 2022.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

from models.classifier import Classifier
from models.training import run_state
from models.training.optimisation import any_of
from models.training.recipes import Recipe


class Objective:
    """What the steps of a run minimise: the loss by labels, mixed with that by the answers of ``teachers``, which the
    recipe names and which stay as they are, on ``device``.
    """

    def __init__(self, recipe: Recipe, teachers: Sequence[Classifier], device: torch.device) -> None:
        self.recipe = recipe
        self.teachers = [
            one.to(device=device, memory_format=torch.channels_last).eval()  # type: ignore[call-overload]
            for one in teachers
        ]

    @property
    def digests(self) -> list[str]:
        """Of the checkpoints that teach."""
        return [one.metadata["digest"] for one in self.teachers]

    @property
    def teaching(self) -> list[str]:
        """Digests of what decides the teachers' answers, which stays the same when their files are evaluated anew."""
        return [run_state.digest(one, one.temperature, one.temperature_sent) for one in self.teachers]

    def __call__(self, inputs: Tensor, logits: Tensor, allowed: Tensor, sent: Tensor | None = None) -> Tensor:
        """The loss of float32 ``logits`` [N, 10] for ``inputs`` [N, ...], of which ``allowed`` bool [N, 10] are right;
        ``sent`` bool [N]: those that are scenes (None: none), for which teachers have another temperature.

        Teachers look at pictures, which are uint8; where a phase learns from features, labels alone teach.
        """
        by_labels = any_of(logits, allowed, self.recipe.label_smoothing)
        if not self.teachers or inputs.dtype != torch.uint8:
            return by_labels
        by_teachers = -(self._answers(inputs, sent) * functional.log_softmax(logits, dim=1)).sum(1).mean()
        return by_labels.lerp(by_teachers, self.recipe.taught)

    @torch.no_grad()
    def _answers(self, pictures: Tensor, sent: Tensor | None) -> Tensor:
        """uint8 [N, 28, 28] -> float32 [N, 10]: the mean of the teachers' calibrated probabilities."""
        return torch.stack([one.probabilities(pictures, sent) for one in self.teachers]).mean(0)
