"""VGG: blocks of 3x3 convolutions, each block half the size and up to twice the width of the one before.

Simonyan, Zisserman: Very deep convolutional networks for large-scale image recognition, ICLR 2015 (arXiv
1409.1556), table 1. The idea: the block. Two 3x3 convolutions see as far as one 5x5 with fewer weights and one ReLU
more; depth comes from repeating it.

=====  ======================================================  ===============
stage  layers                                                  output (VGG-11)
=====  ======================================================  ===============
conv   block 1x 3x3 to 64, pool 2                              [N, 64, 112, 112]
       block 1x 3x3 to 128, pool 2                             [N, 128, 56, 56]
       block 2x 3x3 to 256, pool 2                             [N, 256, 28, 28]
       block 2x 3x3 to 512, pool 2                             [N, 512, 14, 14]
       block 2x 3x3 to 512, pool 2                             [N, 512, 7, 7]
fc     25088-4096-4096-10, ReLU and dropout 0.5 between        [N, 10]
=====  ======================================================  ===============
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

# (convolutions, width) of each block: columns A, B, D and E of the paper's table 1
VGG11 = ((1, 64), (1, 128), (2, 256), (2, 512), (2, 512))
VGG13 = ((2, 64), (2, 128), (2, 256), (2, 512), (2, 512))
VGG16 = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
VGG19 = ((2, 64), (2, 128), (4, 256), (4, 512), (4, 512))


def vgg_block(num_convs: int, in_channels: int, out_channels: int) -> nn.Sequential:
    """``num_convs`` times a 3x3 convolution and ReLU, then a 2x2 pool: [N, in, S, S] -> [N, out, S/2, S/2]."""
    layers: list[nn.Module] = []
    for number in range(num_convs):
        width = in_channels if number == 0 else out_channels
        layers += [nn.Conv2d(width, out_channels, kernel_size=3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.MaxPool2d(2))


class VGG(nn.Module):
    """float32 [N, 1, 224, 224] -> logits [N, 10]. ValueError for another input size.

    ``blocks``: (convolutions, width) of each of the five blocks; ``hidden``: width of the two hidden fully
    connected layers.
    """

    def __init__(self, blocks: Sequence[tuple[int, int]] = VGG11, hidden: int = 4096) -> None:
        super().__init__()
        if len(blocks) != 5:
            raise ValueError(f"VGG has five blocks, which take 224 pixels to 7, got {len(blocks)}")
        self.input_size = 224
        widths = [1, *(width for _, width in blocks)]
        self.conv = nn.Sequential(
            *(vgg_block(count, before, width) for (count, width), before in zip(blocks, widths, strict=False))
        )
        self.fc = nn.Sequential(
            nn.Linear(widths[-1] * 7 * 7, hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, hidden),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(hidden, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"VGG wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.fc(self.conv(x).flatten(1))
        return logits
