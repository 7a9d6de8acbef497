"""NiN, network in network: a small network at every place instead of a single filter, and no fully connected layer.

Lin, Chen, Yan: Network in network, ICLR 2014 (arXiv 1312.4400), sections 3.1 and 3.2. The idea: two 1x1
convolutions after each convolution mix its channels place by place; and the last block has one channel a class,
whose global average is the logit, so that no fully connected layer is needed. The paper has three blocks; these four
have the sizes of AlexNet's convolutions, as in d2l.

=====  ==============================================  ==================
stage  layers                                          output
=====  ==============================================  ==================
conv   block 11x11/4 to 96, pool 3/2                   [N, 96, 26, 26]
       block 5x5 to 256, pool 3/2                      [N, 256, 12, 12]
       block 3x3 to 384, pool 3/2                      [N, 384, 5, 5]
head   dropout 0.5, block 3x3 to 10, global average    [N, 10]
=====  ==============================================  ==================
"""

from __future__ import annotations

from torch import Tensor, nn


def nin_block(in_channels: int, out_channels: int, kernel_size: int, stride: int, padding: int) -> nn.Sequential:
    """A convolution and two 1x1 convolutions, ReLU after each."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1),
        nn.ReLU(),
        nn.Conv2d(out_channels, out_channels, kernel_size=1),
        nn.ReLU(),
    )


class NiN(nn.Module):
    """float32 [N, 1, S, S] -> logits [N, 10]; S is ``input_size``, 224 by default. ValueError for another input size.

    Global pooling lets it run at any size: training sets ``input_size`` lower for a while.
    """

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 224
        self.conv = nn.Sequential(
            nin_block(1, 96, kernel_size=11, stride=4, padding=0),  # [N, 96, 54, 54]
            nn.MaxPool2d(3, stride=2),  # [N, 96, 26, 26]
            nin_block(96, 256, kernel_size=5, stride=1, padding=2),  # [N, 256, 26, 26]
            nn.MaxPool2d(3, stride=2),  # [N, 256, 12, 12]
            nin_block(256, 384, kernel_size=3, stride=1, padding=1),  # [N, 384, 12, 12]
            nn.MaxPool2d(3, stride=2),  # [N, 384, 5, 5]
        )
        self.head = nn.Sequential(
            nn.Dropout(0.5),
            nin_block(384, 10, kernel_size=3, stride=1, padding=1),  # [N, 10, 5, 5]
            nn.AdaptiveAvgPool2d(1),  # [N, 10, 1, 1]
            nn.Flatten(),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"NiN wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.head(self.conv(x))
        return logits
