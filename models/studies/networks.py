"""What the studies' small networks are made of, beside the blocks of the seven: their shell, what changes one thing in
them, and what they cost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from models.densenet import conv_block

SIDE = 28  # pixels


class Small(nn.Sequential):
    """float32 [N, 1, 28, 28] -> logits [N, 10], part after part. Its weights are He et al.'s (2015, for ReLUs), biases
    zero.
    """

    input_size = SIDE

    def __init__(self, *parts: nn.Module) -> None:
        super().__init__(*parts)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                if layer.bias is not None:
                    nn.init.zeros_(layer.bias)


def pooled_head(width: int) -> nn.Sequential:
    """[N, width, S, S] -> logits [N, 10]: global average pool, linear."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10))


def stem(width: int, stride: int = 2) -> nn.Sequential:
    """[N, 1, 28, 28] -> [N, width, 28/stride, 28/stride]: 3x3 convolution, batch norm, ReLU."""
    return nn.Sequential(nn.Conv2d(1, width, 3, stride, padding=1), nn.BatchNorm2d(width), nn.ReLU())


def with_batch_norm(part: nn.Sequential) -> nn.Sequential:
    """The same layers with batch norm after every convolution, in those within too."""
    layers: list[nn.Module] = []
    for layer in part:
        layers.append(with_batch_norm(layer) if isinstance(layer, nn.Sequential) else layer)
        if isinstance(layer, nn.Conv2d):
            layers.append(nn.BatchNorm2d(layer.out_channels))
    return nn.Sequential(*layers)


def with_relu(part: nn.Sequential) -> nn.Sequential:
    """The same layers with ReLU for every sigmoid, and with the weights that ReLUs want (He et al., 2015)."""
    changed = nn.Sequential(*(nn.ReLU() if isinstance(layer, nn.Sigmoid) else layer for layer in part))
    for layer in changed:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
    return changed


def deepened(part: nn.Sequential, more: int) -> nn.Sequential:
    """The same layers with ``more`` layers of the same kind and width after each hidden one, each with its sigmoid:
    3x3 convolutions that keep the size, fully connected layers. Weights by Glorot & Bengio, 2010, as LeNet's.
    """
    layers: list[nn.Module] = []
    for before, layer in zip([None, *part], part, strict=False):
        layers.append(layer)
        if isinstance(layer, nn.Sigmoid):
            for _ in range(more):
                layers += [_like(before), nn.Sigmoid()]
    return nn.Sequential(*layers)


def _like(layer: nn.Module | None) -> nn.Module:
    """A layer that follows ``layer`` and keeps its shape."""
    if isinstance(layer, nn.Conv2d):
        made: nn.Conv2d | nn.Linear = nn.Conv2d(layer.out_channels, layer.out_channels, kernel_size=3, padding=1)
    elif isinstance(layer, nn.Linear):
        made = nn.Linear(layer.out_features, layer.out_features)
    else:
        raise TypeError(f"no hidden layer is a {type(layer).__name__}; wanted Conv2d or Linear before a sigmoid")
    nn.init.xavier_uniform_(made.weight)
    nn.init.zeros_(made.bias)  # type: ignore[arg-type]
    return made


class Plain(nn.Module):
    """The layers of models.resnet.Residual without its shortcut: [N, in, S, S] -> [N, channels, S/stride, S/stride]."""

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.layers(x))


class AddBlock(nn.Module):
    """[N, C, S, S] -> [N, C, S, S]: as models.densenet.DenseBlock with the same layers, which are added in pairs where
    it joins (He et al., Identity mappings in deep residual networks, 2016). ValueError for an odd number of layers.
    """

    def __init__(self, num_convs: int, channels: int) -> None:
        super().__init__()
        if num_convs % 2:
            raise ValueError(f"layers are added in pairs, got {num_convs}")
        self.pairs = nn.ModuleList(
            nn.Sequential(conv_block(channels, channels), conv_block(channels, channels)) for _ in range(num_convs // 2)
        )

    def forward(self, x: Tensor) -> Tensor:
        for pair in self.pairs:
            x = x + pair(x)
        return x


def parameters(network: nn.Module) -> int:
    """How many numbers it learns."""
    return sum(each.numel() for each in network.parameters())


def macs(network: nn.Module) -> int:
    """Its multiply-adds for one picture, as the catalog counts them."""
    was_training = network.training
    with torch.inference_mode(), FlopCounterMode(display=False) as counter:
        network.eval()(torch.zeros(1, 1, SIDE, SIDE))
    network.train(was_training)
    return int(counter.get_total_flops()) // 2


def width_like(
    like: Callable[[], nn.Module], measure: Callable[[nn.Module], int], build: Callable[[int], nn.Module], widths: range
) -> int:
    """Of ``widths`` the one whose network costs most nearly what ``like()`` does, as ``measure`` counts it; costs grow
    with widths.
    """
    with torch.random.fork_rng(devices=[]):  # what is built only to be counted draws no numbers of the run
        wanted, low, high = measure(like()), 0, len(widths) - 1
        while low < high:
            middle = (low + high) // 2
            low, high = (middle + 1, high) if measure(build(widths[middle])) < wanted else (low, middle)
        around: Sequence[int] = widths[max(0, low - 1) : low + 1]
        return min(around, key=lambda width: abs(measure(build(width)) - wanted))
