"""AlexNet: the same plan as LeNet, deeper and wider, with ReLU and dropout.

Krizhevsky, Sutskever, Hinton: ImageNet classification with deep convolutional neural networks, NeurIPS 2012,
sections 3 and 4. The idea: ReLU does not saturate, so a network this large learns at all; dropout keeps it from
overfitting. On one device, without local response normalisation, for one grey channel. As in d2l the first
convolution has no padding: its output is 54x54, not the paper's 55x55, so 6400 and not 9216 values reach the fully
connected layers.

=====  ====================================================================  ===============
stage  layers                                                                output
=====  ====================================================================  ===============
conv   11x11/4 to 96, pool 3/2; 5x5 to 256, pool; 3x3 to 384, 384, 256, pool  [N, 256, 5, 5]
fc     6400-4096-4096-10, ReLU and dropout 0.5 between                       [N, 10]
=====  ====================================================================  ===============
"""

from __future__ import annotations

from torch import Tensor, nn


class AlexNet(nn.Module):
    """float32 [N, 1, 224, 224] -> logits [N, 10]. ValueError for another input size."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 224
        self.conv = nn.Sequential(
            nn.Conv2d(1, 96, kernel_size=11, stride=4),  # [N, 96, 54, 54]
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # [N, 96, 26, 26]
            nn.Conv2d(96, 256, kernel_size=5, padding=2),  # [N, 256, 26, 26]
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # [N, 256, 12, 12]
            nn.Conv2d(256, 384, kernel_size=3, padding=1),  # [N, 384, 12, 12]
            nn.ReLU(),
            nn.Conv2d(384, 384, kernel_size=3, padding=1),  # [N, 384, 12, 12]
            nn.ReLU(),
            nn.Conv2d(384, 256, kernel_size=3, padding=1),  # [N, 256, 12, 12]
            nn.ReLU(),
            nn.MaxPool2d(3, stride=2),  # [N, 256, 5, 5]
        )
        self.fc = nn.Sequential(
            nn.Linear(6400, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):  # He et al., 2015: keeps the scale through ReLUs
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"AlexNet wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.fc(self.conv(x).flatten(1))
        return logits
