"""GoogLeNet: blocks of four parallel paths, which look at several scales at once.

Szegedy, Liu, Jia, Sermanet, Reed, Anguelov, Erhan, Vanhoucke, Rabinovich: Going deeper with convolutions, CVPR 2015
(arXiv 1409.4842), table 1. The idea: the Inception block. Instead of choosing a kernel size, take all of them side
by side and join their channels; 1x1 convolutions before the large kernels keep it cheap. Without the paper's
auxiliary heads, local response normalisation and dropout before the last layer, and for pictures of 96 pixels, not
224.

=====  ======================================================================  ==================
stage  layers                                                                  output
=====  ======================================================================  ==================
stem   7x7/2 to 64, pool 3/2; 1x1 to 64, 3x3 to 192, pool 3/2                  [N, 192, 12, 12]
conv3  Inception 3a, 3b, pool 3/2                                              [N, 480, 6, 6]
conv4  Inception 4a to 4e, pool 3/2                                            [N, 832, 3, 3]
conv5  Inception 5a, 5b                                                        [N, 1024, 3, 3]
head   global average pool, linear                                             [N, 10]
=====  ======================================================================  ==================
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def conv_relu(in_channels: int, out_channels: int, kernel_size: int, stride: int = 1) -> nn.Sequential:
    """A convolution that keeps the size (divided by the stride), and ReLU."""
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2), nn.ReLU())


class Inception(nn.Module):
    """[N, in, S, S] -> [N, c1 + c2[1] + c3[1] + c4, S, S]: the paper's figure 2(b).

    ``c1``: width of the 1x1 path; ``c2``: of the 1x1 and the 3x3; ``c3``: of the 1x1 and the 5x5; ``c4``: of the
    1x1 after a 3x3 pool.
    """

    def __init__(self, in_channels: int, c1: int, c2: tuple[int, int], c3: tuple[int, int], c4: int) -> None:
        super().__init__()
        self.path1 = conv_relu(in_channels, c1, 1)
        self.path2 = nn.Sequential(conv_relu(in_channels, c2[0], 1), conv_relu(c2[0], c2[1], 3))
        self.path3 = nn.Sequential(conv_relu(in_channels, c3[0], 1), conv_relu(c3[0], c3[1], 5))
        self.path4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv_relu(in_channels, c4, 1))

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.path1(x), self.path2(x), self.path3(x), self.path4(x)], dim=1)


class GoogLeNet(nn.Module):
    """float32 [N, 1, S, S] -> logits [N, 10]; S is ``input_size``, 96 by default. ValueError for another input size.

    Global pooling lets it run at any size: training sets ``input_size`` lower for a while.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 96
        self.stem = nn.Sequential(
            conv_relu(1, 64, 7, stride=2),  # [N, 64, 48, 48]
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 64, 24, 24]
            conv_relu(64, 64, 1),
            conv_relu(64, 192, 3),  # [N, 192, 24, 24]
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 192, 12, 12]
        )
        self.conv3 = nn.Sequential(
            Inception(192, 64, (96, 128), (16, 32), 32),  # 3a: [N, 256, 12, 12]
            Inception(256, 128, (128, 192), (32, 96), 64),  # 3b: [N, 480, 12, 12]
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 480, 6, 6]
        )
        self.conv4 = nn.Sequential(
            Inception(480, 192, (96, 208), (16, 48), 64),  # 4a: [N, 512, 6, 6]
            Inception(512, 160, (112, 224), (24, 64), 64),  # 4b
            Inception(512, 128, (128, 256), (24, 64), 64),  # 4c
            Inception(512, 112, (144, 288), (32, 64), 64),  # 4d: [N, 528, 6, 6]
            Inception(528, 256, (160, 320), (32, 128), 128),  # 4e: [N, 832, 6, 6]
            nn.MaxPool2d(3, stride=2, padding=1),  # [N, 832, 3, 3]
        )
        self.conv5 = nn.Sequential(
            Inception(832, 256, (160, 320), (32, 128), 128),  # 5a: [N, 832, 3, 3]
            Inception(832, 384, (192, 384), (48, 128), 128),  # 5b: [N, 1024, 3, 3]
        )
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),  # [N, 1024, 1, 1]
            nn.Flatten(),
            nn.Linear(1024, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"GoogLeNet wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.head(self.conv5(self.conv4(self.conv3(self.stem(x)))))
        return logits
