"""The weights that a run ends with, mixed with those that it began from.

A run that goes on from a checkpoint ends near it, and between the two the loss stays low: a point on the way is often
better than either end, also on pictures unlike those that were learned from last (Izmailov et al., Averaging weights
leads to wider optima, 2018; Wortsman et al., Robust fine-tuning of zero-shot models, 2022, equation 1).
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn


def weights_of(network: nn.Module) -> dict[str, Tensor]:
    """A copy of what ``mix`` takes: the state of a network, batch norm's means and variances too."""
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


@torch.no_grad()
def mix(network: nn.Module, began: Mapping[str, Tensor] | None, share: float | None) -> None:
    """Make each weight ``share`` of itself and the rest of what it is in ``began``; counts stay as they are. Without
    either all stays as it is.
    """
    if began is None or share is None:
        return
    for name, value in network.state_dict().items():
        if value.is_floating_point():
            value.lerp_(began[name].to(value), 1 - share)
