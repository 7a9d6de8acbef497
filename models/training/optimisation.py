"""How weights are moved: by which loss, by which optimizer, and at which rate over time."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.recipes import Recipe


class DivergedError(FloatingPointError):
    """The loss, or what a step made of the network, is no number any more; the message says at which step and rate."""


def check_number(value: float, what: str, step: int, rate: float) -> None:
    """DivergedError, which says all four, if ``value`` is not finite."""
    if not math.isfinite(value):
        raise DivergedError(f"{what} is {value} at step {step}, rate {rate:.3g}")


@torch.no_grad()
def check_weights(module: nn.Module, what: str, step: int, rate: float) -> None:
    """DivergedError if a parameter of ``module`` has a number that is none: what the last step, which no loss follows,
    may have left.
    """
    for name, parameter in module.named_parameters():
        if not parameter.isfinite().all():
            raise DivergedError(f"{what} has weights in {name} that are no numbers at step {step}, rate {rate:.3g}")


def any_of(logits: Tensor, allowed: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean of -log p(any of the allowed classes), smoothed over all classes; cross-entropy where one is allowed.

    ``logits``: float32 [N, K]; ``allowed``: bool [N, K], at least one a row; ``smoothing``: 0 to 1 (Szegedy et al.,
    Rethinking the Inception Architecture, 2016, section 7).
    """
    log_p = functional.log_softmax(logits, dim=1)
    right = log_p.masked_fill(~allowed, -math.inf).logsumexp(dim=1)
    return -((1 - smoothing) * right + smoothing * log_p.mean(dim=1)).mean()


def make_optimizer(recipe: Recipe, module: nn.Module, lr: float) -> torch.optim.Optimizer:
    """What moves the parameters of ``module`` by the recipe; its rate is set anew before each step."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(parameters, lr, weight_decay=recipe.weight_decay)


def cycle(progress: float, warmup: float, start: float = 0.0) -> float:
    """The learning rate as a share of its peak: up in a line, down in a half cosine, from ``start`` of the phase to its
    end. Loshchilov & Hutter, SGDR, 2017.
    """
    progress = max(0.0, progress - start) / (1 - start)
    if progress < warmup:
        return 0.02 + 0.98 * progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))
