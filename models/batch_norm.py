"""Batch normalisation written out, and LeNet with it.

Ioffe, Szegedy: Batch normalization: accelerating deep network training by reducing internal covariate shift, ICML
2015 (arXiv 1502.03167), algorithms 1 and 2. The idea: give every layer inputs of mean 0 and variance 1, as measured
on the batch at hand, and let the network learn back what scale and shift it needs. ``lenet-bn`` shows what that
does for sigmoids.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Equal to nn.BatchNorm1d on [N, D] and to nn.BatchNorm2d on [N, C, H, W]: output, gradients and running
    statistics.

    ``num_features``: D or C, each with one mean and one variance; ``momentum``: the weight of the newest batch in
    the moving ones. ValueError for other shapes, and for a batch that gives a single value a feature while
    training.
    """

    moving_mean: Tensor
    moving_var: Tensor

    def __init__(self, num_features: int, eps: float = 1e-5, momentum: float = 0.1) -> None:
        super().__init__()
        self.num_features, self.eps, self.momentum = num_features, eps, momentum
        self.scale = nn.Parameter(torch.ones(num_features))  # gamma
        self.shift = nn.Parameter(torch.zeros(num_features))  # beta
        self.register_buffer("moving_mean", torch.zeros(num_features))
        self.register_buffer("moving_var", torch.ones(num_features))

    def extra_repr(self) -> str:
        return f"{self.num_features}, eps={self.eps}, momentum={self.momentum}"

    def forward(self, x: Tensor) -> Tensor:
        if x.ndim not in (2, 4) or x.shape[1] != self.num_features:
            wanted = f"[N, {self.num_features}] or [N, {self.num_features}, H, W]"
            raise ValueError(f"BatchNorm wants {wanted}, got {list(x.shape)}")
        axes = (0,) if x.ndim == 2 else (0, 2, 3)  # everything but the features
        mean, variance = self._batch_statistics(x, axes) if self.training else (self.moving_mean, self.moving_var)
        shape = (1, -1) if x.ndim == 2 else (1, -1, 1, 1)
        normalised = (x - mean.view(shape)) / torch.sqrt(variance.view(shape) + self.eps)
        return normalised * self.scale.view(shape) + self.shift.view(shape)

    def _batch_statistics(self, x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
        count = x.numel() // self.num_features
        if count < 2:
            raise ValueError(f"training needs more than one value a feature, got {list(x.shape)}")
        mean = x.mean(dim=axes)
        variance = x.var(dim=axes, unbiased=False)
        with torch.no_grad():  # the moving variance is the unbiased one (algorithm 2, line 10)
            self.moving_mean.lerp_(mean, self.momentum)
            self.moving_var.lerp_(variance * count / (count - 1), self.momentum)
        return mean, variance


class LeNetBatchNorm(nn.Module):
    """float32 [N, 1, 28, 28] -> logits [N, 10]: LeNet with BatchNorm after every convolution and hidden layer."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 28
        self.conv = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5),  # [N, 6, 24, 24]
            BatchNorm(6),
            nn.Sigmoid(),
            nn.MaxPool2d(2),  # [N, 6, 12, 12]
            nn.Conv2d(6, 16, kernel_size=5),  # [N, 16, 8, 8]
            BatchNorm(16),
            nn.Sigmoid(),
            nn.MaxPool2d(2),  # [N, 16, 4, 4]
        )
        self.fc = nn.Sequential(
            nn.Linear(256, 120),
            BatchNorm(120),
            nn.Sigmoid(),
            nn.Linear(120, 84),
            BatchNorm(84),
            nn.Sigmoid(),
            nn.Linear(84, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):  # Glorot & Bengio, 2010: for saturating activations
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(
                f"LeNet with batch norm wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}"
            )
        logits: Tensor = self.fc(self.conv(x).flatten(1))
        return logits
