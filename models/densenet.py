"""DenseNet: every layer sees the outputs of all layers before it.

Huang, Liu, van der Maaten, Weinberger: Densely connected convolutional networks, CVPR 2017 (arXiv 1608.06993),
section 3. The idea: where ResNet adds, DenseNet joins. Each convolution adds a few channels (the growth rate) to
all that is known so far, so features are used again instead of learned again, and few parameters are enough.
As in d2l: four blocks of four plain 3x3 convolutions with a growth rate of 32, without the 1x1 bottlenecks of the
paper's table 1 (DenseNet-BC). Transitions halve the channels, the paper's compression of 0.5. Pictures have 96 pixels,
not the 224 of that table.

======  =======================================================  ==================
stage   layers                                                   output
======  =======================================================  ==================
stem    7x7/2 to 64, batch norm, ReLU, pool 3/2                  [N, 64, 24, 24]
body    dense block of 4 (64 + 4x32), transition to half         [N, 96, 12, 12]
        dense block of 4, transition                             [N, 112, 6, 6]
        dense block of 4, transition                             [N, 120, 3, 3]
        dense block of 4                                         [N, 248, 3, 3]
head    batch norm, ReLU, global average pool, linear            [N, 10]
======  =======================================================  ==================
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


def conv_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Batch norm, ReLU, 3x3 convolution: the order of He et al., Identity mappings in deep residual networks,
    2016.
    """
    return nn.Sequential(
        nn.BatchNorm2d(in_channels), nn.ReLU(), nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
    )


def transition_block(in_channels: int, out_channels: int) -> nn.Sequential:
    """Batch norm, ReLU, 1x1 convolution, 2x2 average pool: [N, in, S, S] -> [N, out, S/2, S/2]."""
    return nn.Sequential(
        nn.BatchNorm2d(in_channels),
        nn.ReLU(),
        nn.Conv2d(in_channels, out_channels, kernel_size=1),
        nn.AvgPool2d(2),
    )


class DenseBlock(nn.Module):
    """[N, in, S, S] -> [N, in + num_convs * out, S, S]: each convolution's ``out`` channels join all before."""

    def __init__(self, num_convs: int, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            conv_block(in_channels + number * out_channels, out_channels) for number in range(num_convs)
        )

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = torch.cat([x, layer(x)], dim=1)
        return x


class DenseNet(nn.Module):
    """float32 [N, 1, S, S] -> logits [N, 10]; S is ``input_size``, 96 by default. ValueError for another input size.

    ``growth``: channels that each convolution adds; ``blocks``: convolutions in each dense block. Global pooling
    lets it run at any size: training sets ``input_size`` lower for a while.
    """

    def __init__(self, growth: int = 32, blocks: Sequence[int] = (4, 4, 4, 4)) -> None:
        super().__init__()
        self.input_size = 96
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3),  # [N, 64, 48, 48]
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 64, 24, 24]
        )
        width, body = 64, nn.Sequential()
        for number, count in enumerate(blocks):
            body.append(DenseBlock(count, width, growth))
            width += count * growth
            if number < len(blocks) - 1:
                body.append(transition_block(width, width // 2))
                width //= 2
        self.body = body  # [N, 248, 3, 3]
        self.head = nn.Sequential(
            nn.BatchNorm2d(width),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),  # [N, 248, 1, 1]
            nn.Flatten(),
            nn.Linear(width, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"DenseNet wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.head(self.body(self.stem(x)))
        return logits
