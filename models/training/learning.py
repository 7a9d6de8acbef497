"""What a step of training needs: its loss, an optimizer, its learning rate over time, a temporary head, and the
faster precision.
"""

from __future__ import annotations

import math
import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.recipes import Recipe


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


def fit_small(
    network: nn.Module, inputs: Sequence[Tensor], answers: Tensor, epochs: int, lr: float, note: str = ""
) -> None:
    """Train a small network on uint8 inputs [N, ...], scaled to [0, 1], and answers int64 [N]: AdamW, one cycle of the
    learning rate, batches of 128. Prints a line an epoch.
    """
    network.to(memory_format=torch.channels_last)  # half the time on a CPU
    optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=0.02)
    steps = epochs * -(-len(answers) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    for epoch in range(epochs):
        total = 0.0
        for index in torch.randperm(len(answers)).split(128):
            scaled = (part[index].float() / 255 for part in inputs)
            logits = network(*(part.contiguous(memory_format=torch.channels_last) for part in scaled))
            loss = functional.cross_entropy(logits, answers[index], label_smoothing=0.01)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        print(f"{note} epoch {epoch + 1} of {epochs}: loss {total / len(answers):.4f}", flush=True)
