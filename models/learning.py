"""What a step of training needs: an optimizer, its learning rate over time, a temporary head, and the faster
precision.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor, nn

from models.recipes import Recipe


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


def make_optimizer(recipe: Recipe, module: nn.Module, lr: float) -> torch.optim.Optimizer:
    """What moves the parameters of ``module`` by the recipe; its rate is set anew before each step."""
    parameters = [p for p in module.parameters() if p.requires_grad]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(parameters, lr, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay)
    return torch.optim.AdamW(parameters, lr, weight_decay=recipe.weight_decay)


def cycle(progress: float, warmup: float) -> float:
    """The learning rate as a share of its peak: up in a line, down in a half cosine. Loshchilov & Hutter, SGDR,
    2017.
    """
    if progress < warmup:
        return 0.02 + 0.98 * progress / warmup
    return 0.5 * (1 + math.cos(math.pi * min(1.0, (progress - warmup) / (1 - warmup))))


def faster_in_bfloat16(device: torch.device) -> bool:
    """Whether a matrix product is: true on GPUs since Ampere and on CPUs with AVX512_BF16 or AMX, found by trying."""

    def seconds(dtype: torch.dtype) -> float:
        a = torch.ones(768, 768, dtype=dtype, device=device)
        best = math.inf
        for _ in range(4):
            start = time.perf_counter()
            (a @ a).sum().item()
            best = min(best, time.perf_counter() - start)
        return best

    return seconds(torch.bfloat16) < seconds(torch.float32)
