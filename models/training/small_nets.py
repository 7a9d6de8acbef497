"""The training of small networks: of the one that tells digits from clothing, and of the gate."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.training.optimisation import check_number, check_weights


def fit(network: nn.Module, inputs: Sequence[Tensor], answers: Tensor, epochs: int, lr: float, note: str = "") -> None:
    """Train a small network on uint8 inputs [N, ...], scaled to [0, 1], and answers int64 [N]: AdamW, one cycle of the
    learning rate, batches of 128. Prints a line an epoch. DivergedError if the loss, or a weight in the end, is not a
    number.
    """
    network.to(memory_format=torch.channels_last)  # half the time on a CPU
    optimizer = torch.optim.AdamW(network.parameters(), lr, weight_decay=0.02)
    steps = epochs * -(-len(answers) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps)
    name = note or "a small network"
    for epoch in range(epochs):
        total, order = 0.0, torch.randperm(len(answers)).split(128)
        for step, index in enumerate(order, epoch * len(order)):
            scaled = (part[index].float() / 255 for part in inputs)
            logits = network(*(part.contiguous(memory_format=torch.channels_last) for part in scaled))
            loss = functional.cross_entropy(logits, answers[index], label_smoothing=0.01)
            check_number(loss.item(), f"{name}: the loss", step, optimizer.param_groups[0]["lr"])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            total += loss.item() * len(index)
        print(f"{note} epoch {epoch + 1} of {epochs}: loss {total / len(answers):.4f}", flush=True)
    check_weights(network, name, steps, optimizer.param_groups[0]["lr"])
