"""Convolutions on small maps as products of matrices: the same answers and gradients as the usual ones."""

import pytest
import torch
from torch import Tensor, nn

from models.training import small_maps
from models.training.small_maps import SmallMaps


def learned(convolution: nn.Conv2d, x: Tensor) -> list[Tensor]:
    """The answers in bfloat16, and the gradients of input, weight and bias."""
    x = x.clone().requires_grad_()
    convolution.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        answers = convolution(x.relu())
    (answers.float() * torch.linspace(-1, 1, answers.numel()).view(answers.shape)).sum().backward()
    assert x.grad is not None
    return [answers.float(), x.grad, *(p.grad for p in convolution.parameters() if p.grad is not None)]


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize(
    ("side", "kernel", "stride", "padding"),
    [
        (3, 3, 1, 1),
        (6, 3, 1, 1),
        (6, 3, 2, 1),
        (5, 3, 2, 0),
        (3, 3, 1, 2),
        (4, 5, 1, 2),
        (3, 2, 1, 0),
    ],
)
def test_answers_and_gradients_are_those_of_the_usual_convolution(
    side: int, kernel: int, stride: int, padding: int, bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    layer = nn.Conv2d(128, 48, kernel, stride, padding, bias=bias).to(memory_format=torch.channels_last)
    x = torch.randn(4, 128, side, side).to(memory_format=torch.channels_last)
    usual = learned(layer, x)
    calls: list[bool] = []
    apply = small_maps._Convolution.apply
    monkeypatch.setattr(small_maps._Convolution, "apply", lambda *told: (calls.append(True), apply(*told))[1])
    with SmallMaps():
        ours = learned(layer, x)
    assert calls == [True]
    assert len(ours) == len(usual) == 3 + bias
    for one, other in zip(ours, usual, strict=True):
        assert one.shape == other.shape
        assert (one - other).norm() < 0.01 * other.norm()


@pytest.mark.parametrize(
    "layer",
    [
        nn.Conv2d(128, 8, 3, padding=1, groups=2),
        nn.Conv2d(128, 8, 3, padding=2, dilation=2),
        nn.Conv2d(128, 8, 3, padding="same"),
        nn.Conv2d(128, 8, 1),
        nn.Conv2d(128, 8, (3, 1)),
        nn.Conv2d(128, 8, 3, padding=(1, 0)),
        nn.Conv2d(64, 8, 3, padding=1),
    ],
    ids=str,
)
def test_others_are_left_as_they_are(layer: nn.Conv2d) -> None:
    x = torch.randn(2, layer.in_channels, 3, 3)
    with torch.autocast("cpu", torch.bfloat16):
        usual = layer(x)
        with SmallMaps():
            assert torch.equal(layer(x), usual)
