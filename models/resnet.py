"""ResNet: blocks that learn what to add to their input.

He, Zhang, Ren, Sun: Deep residual learning for image recognition, CVPR 2016 (arXiv 1512.03385), table 1 and figure
5. The idea: the shortcut. A block computes x + f(x), so doing nothing is easy to learn, and gradients reach the
first layers of any depth.

Unlike the paper's (section 3.4) and torchvision's, convolutions keep their bias, and a 1x1 shortcut has no batch norm.
Pictures have 96 pixels here, not 224.

======  ======================================================  ==================
stage   layers                                                  output (ResNet-18)
======  ======================================================  ==================
stem    7x7/2 to 64, batch norm, ReLU, pool 3/2                 [N, 64, 24, 24]
conv2   2 residual blocks, 64 channels                          [N, 64, 24, 24]
conv3   2 residual blocks, 128 channels, stride 2               [N, 128, 12, 12]
conv4   2 residual blocks, 256 channels, stride 2               [N, 256, 6, 6]
conv5   2 residual blocks, 512 channels, stride 2               [N, 512, 3, 3]
head    global average pool, linear                             [N, 10]
======  ======================================================  ==================
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

# residual blocks in each of the four stages conv2 to conv5; those of 50, 101 and 152 layers are bottlenecks
RESNET18 = (2, 2, 2, 2)
RESNET34 = RESNET50 = (3, 4, 6, 3)
RESNET101 = (3, 4, 23, 3)
RESNET152 = (3, 8, 36, 3)


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut: [N, in, S, S] -> [N, channels, S/stride, S/stride].

    Where the shape changes, the shortcut is a 1x1 convolution (option B of the paper's section 3.3).
    """

    expansion = 1

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1),
            nn.BatchNorm2d(channels),
        )
        self.shortcut = _shortcut(in_channels, channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.residual(x) + self.shortcut(x))


class Bottleneck(nn.Module):
    """1x1, 3x3 and 1x1 convolutions beside a shortcut: [N, in, S, S] -> [N, 4 channels, S/stride, S/stride]; figure
    5, right, with the stride in the 3x3, as torchvision has it, and not in the first 1x1.
    """

    expansion = 4

    def __init__(self, in_channels: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        out_channels = channels * self.expansion
        self.residual = nn.Sequential(
            nn.Conv2d(in_channels, channels, kernel_size=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(channels),
            nn.ReLU(),
            nn.Conv2d(channels, out_channels, kernel_size=1),
            nn.BatchNorm2d(out_channels),
        )
        self.shortcut = _shortcut(in_channels, out_channels, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.residual(x) + self.shortcut(x))


def _shortcut(in_channels: int, out_channels: int, stride: int) -> nn.Module:
    if in_channels == out_channels and stride == 1:
        return nn.Identity()
    return nn.Conv2d(in_channels, out_channels, kernel_size=1, stride=stride)


class ResNet(nn.Module):
    """float32 [N, 1, S, S] -> logits [N, 10]; S is ``input_size``, 96 by default. ValueError for another input size.

    ``counts``: residual blocks in each of the four stages conv2 to conv5; ``block``: Residual or Bottleneck. Global
    pooling lets it run at any size: training sets ``input_size`` lower for a while.
    """

    def __init__(self, counts: Sequence[int] = RESNET18, block: type[Residual] | type[Bottleneck] = Residual) -> None:
        super().__init__()
        if len(counts) != 4:
            raise ValueError(f"ResNet has four stages of blocks, got counts for {len(counts)}: {list(counts)}")
        self.input_size = 96
        self.stem = nn.Sequential(
            nn.Conv2d(1, 64, kernel_size=7, stride=2, padding=3),  # [N, 64, 48, 48]
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 64, 24, 24]
        )
        self.conv2 = _stage(block, counts[0], 64, 64, stride=1)  # [N, 64, 24, 24]
        self.conv3 = _stage(block, counts[1], 64 * block.expansion, 128, stride=2)  # [N, 128, 12, 12]
        self.conv4 = _stage(block, counts[2], 128 * block.expansion, 256, stride=2)  # [N, 256, 6, 6]
        self.conv5 = _stage(block, counts[3], 256 * block.expansion, 512, stride=2)  # [N, 512, 3, 3]
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),  # [N, 512, 1, 1]
            nn.Flatten(),
            nn.Linear(512 * block.expansion, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"ResNet wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.head(self.conv5(self.conv4(self.conv3(self.conv2(self.stem(x))))))
        return logits


def _stage(
    block: type[Residual] | type[Bottleneck], count: int, in_channels: int, channels: int, stride: int
) -> nn.Sequential:
    first = block(in_channels, channels, stride)
    return nn.Sequential(first, *(block(channels * block.expansion, channels) for _ in range(count - 1)))
