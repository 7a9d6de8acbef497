"""What the small networks that see a picture first (``intake.auto``, ``intake.gate``) are made of, and how they run."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def stages(*widths: int) -> nn.Sequential:
    """A convolution, batch norm, ReLU and a halving of the sides for each two neighbours of ``widths``: float32
    [N, widths[0], H, W] -> [N, widths[-1], H / 2^k, W / 2^k].
    """
    layers: list[nn.Module] = []
    for before, width in pairwise(widths):
        convolution = nn.Conv2d(before, width, kernel_size=3, padding=1, bias=False)
        layers += [convolution, nn.BatchNorm2d(width), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers)


def max_and_mean(maps: Tensor) -> Tensor:
    """What is seen anywhere, and how much of it there is: float32 [N, C, H, W] -> [N, 2 C]."""
    return torch.cat([maps.amax((2, 3)), maps.mean((2, 3))], dim=1)


def for_inference(network: nn.Module) -> None:
    """Make a network of ``stages`` run in less than half the time on a CPU, from now on in eval mode: batch norm goes
    into the convolution before it, and channels lie together in memory.
    """
    network.eval().requires_grad_(False)
    for sequence in [module for module in network.modules() if isinstance(module, nn.Sequential)]:
        for place, (layer, following) in enumerate(pairwise(list(sequence))):
            if isinstance(layer, nn.Conv2d) and isinstance(following, nn.BatchNorm2d):
                sequence[place] = fuse_conv_bn_eval(layer, following)
                sequence[place + 1] = nn.Identity()
    network.to(memory_format=torch.channels_last)
