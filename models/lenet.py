"""LeNet-5: convolution, pooling, repeat, then fully connected layers.

LeCun, Bottou, Bengio, Haffner: Gradient-based learning applied to document recognition, Proceedings of the IEEE
86(11), 1998, section II. The idea: features are learned by convolution, so that one set of weights looks for the
same stroke everywhere. As taught today: max-pooling, no padding, sigmoid in place of the paper's scaled tanh, every
map of the second convolution connected to all of the first, and a plain linear output in place of Gaussian connections.

=====  ==========================================  ============
stage  layers                                      output
=====  ==========================================  ============
conv   5x5 to 6, sigmoid, pool 2; 5x5 to 16, same  [N, 16, 4, 4]
fc     256-120-84-10, sigmoid between              [N, 10]
=====  ==========================================  ============
"""

from __future__ import annotations

from torch import Tensor, nn


class LeNet(nn.Module):
    """float32 [N, 1, 28, 28] -> logits [N, 10]. ValueError for another input size."""

    def __init__(self) -> None:
        super().__init__()
        self.input_size = 28
        self.conv = nn.Sequential(
            nn.Conv2d(1, 6, kernel_size=5),  # [N, 6, 24, 24]
            nn.Sigmoid(),
            nn.MaxPool2d(2),  # [N, 6, 12, 12]
            nn.Conv2d(6, 16, kernel_size=5),  # [N, 16, 8, 8]
            nn.Sigmoid(),
            nn.MaxPool2d(2),  # [N, 16, 4, 4]
        )
        self.fc = nn.Sequential(
            nn.Linear(256, 120),
            nn.Sigmoid(),
            nn.Linear(120, 84),
            nn.Sigmoid(),
            nn.Linear(84, 10),
        )
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear):  # Glorot & Bengio, 2010: for saturating activations
                nn.init.xavier_uniform_(layer.weight)
                nn.init.zeros_(layer.bias)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        if x.shape[1:] != (1, self.input_size, self.input_size):
            raise ValueError(f"LeNet wants [N, 1, {self.input_size}, {self.input_size}], got {list(x.shape)}")
        logits: Tensor = self.fc(self.conv(x).flatten(1))
        return logits
