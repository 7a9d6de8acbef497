"""Batch norm over a batch whose parts several processes have: nn.SyncBatchNorm does the same, but on GPUs alone."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, distributed, nn


class _Sum(torch.autograd.Function):
    """The sum of the processes' tensors; what follows from it in one process is a gradient for all."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        total = x.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].clone()
        distributed.all_reduce(total)
        return total


class SharedBatchNorm(nn.BatchNorm2d):
    """nn.BatchNorm2d that, while training, takes mean and variance of the pictures of all processes."""

    def forward(self, x: Tensor) -> Tensor:
        """[N, C, H, W] -> the same; N may differ between the processes."""
        if not self.training:
            return super().forward(x)
        values, axes = x.float(), (0, 2, 3)
        count = torch.full((1,), values.numel() / self.num_features, device=x.device)
        sums = _Sum.apply(torch.cat([values.sum(axes), values.square().sum(axes), count]))
        mean, square = (sums[:-1] / sums[-1]).view(2, -1)
        variance = (square - mean.square()).clamp_min(0)
        self._remember(mean, variance, sums[-1])
        scale = self.weight * torch.rsqrt(variance + self.eps)
        normalised = (values - mean.view(-1, 1, 1)) * scale.view(-1, 1, 1) + self.bias.view(-1, 1, 1)
        result: Tensor = normalised.to(x.dtype)
        return result

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: Tensor) -> None:
        assert self.running_mean is not None
        assert self.running_var is not None
        assert self.num_batches_tracked is not None
        assert self.momentum is not None
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)
        self.num_batches_tracked.add_(1)


def share(network: nn.Module) -> None:
    """Let every nn.BatchNorm2d of a network be shared, in place."""
    for module in network.modules():
        if type(module) is nn.BatchNorm2d:
            module.__class__ = SharedBatchNorm
