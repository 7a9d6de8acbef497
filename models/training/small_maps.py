"""Convolutions on small maps in bfloat16, as products of matrices.

On a processor with tiles (AMX), most of a step of ResNet-18 with oneDNN 3 is the weights' gradient on maps of 3x3 and
6x6: its kernels are not made for so few places. A product with columns of what the kernel sees takes a tenth of that
(Chellapilla, Puri and Simard, High performance convolutional neural networks for document processing, 2006), and the
step two thirds. On large maps it is the slower way, as each place is copied as often as the kernel is large.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from models import processor

SMALL = 36  # places of a map, up to which the gradient of the weights is faster as a product
SMALLEST = 9  # ... and all else, too
CHANNELS = 128  # of the input, from which on that is so


@cache
def useful() -> bool:
    """Whether this processor is one on which that is faster."""
    return "amx_bf16" in processor.read().flags


def columns(x: Tensor, kernel: int, stride: int, padding: int) -> Tensor:
    """[N, C, H, W] -> [N * H' * W', kernel * kernel * C]: what the kernel sees at each place of the H' x W' answers."""
    high, wide = _places(x, kernel, stride, padding)
    padded = functional.pad(x.permute(0, 2, 3, 1), (0, 0, padding, padding, padding, padding))
    n, _, _, c = padded.shape
    by_picture, by_row, by_place, by_channel = padded.stride()
    step = (by_picture, by_row * stride, by_place * stride, by_row, by_place, by_channel)
    return padded.as_strided((n, high, wide, kernel, kernel, c), step).reshape(n * high * wide, -1)


def _maps(rows: Tensor, n: int, h: int, w: int) -> Tensor:
    """[N * H * W, C] -> [N, C, H, W]."""
    return rows.view(n, h, w, -1).permute(0, 3, 1, 2)


class _Convolution(torch.autograd.Function):
    """``x`` [N, C, H, W] and ``weight`` [D, C, K, K], both bfloat16 -> [N, D, H', W'], without a bias."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        kernel = weight.shape[3]
        high, wide = _places(x, kernel, stride, padding)
        if high * wide > SMALLEST:
            return functional.conv2d(x, weight, None, stride, padding)
        flat = weight.permute(2, 3, 1, 0).reshape(-1, len(weight))
        return _maps(columns(x, kernel, stride, padding) @ flat, len(x), high, wide)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        told = gradient, x, weight, ctx.stride, ctx.padding
        return _of_x(*told), _of_weight(*told), None, None


def _of_weight(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    rows = gradient.permute(0, 2, 3, 1).reshape(-1, len(weight))
    flat = rows.t() @ columns(x, weight.shape[3], stride, padding)
    return flat.view(len(weight), *weight.shape[2:], -1).permute(0, 3, 1, 2)


def _of_x(gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: int) -> Tensor:
    kernel = weight.shape[3]
    if stride == 1 and padding < kernel and x.shape[2] * x.shape[3] <= SMALLEST:
        # The convolution of the gradient with the kernel turned round.
        flat = weight.flip(2, 3).permute(2, 3, 0, 1).reshape(-1, x.shape[1])
        return _maps(columns(gradient, kernel, 1, kernel - 1 - padding) @ flat, len(x), *x.shape[2:])
    told = ([stride] * 2, [padding] * 2, [1, 1], False, [0, 0], 1, [True, False, False])
    made: Tensor = torch.ops.aten.convolution_backward(gradient, x, weight, None, *told)[0]
    return made


def _places(x: Tensor, kernel: int, stride: int, padding: int) -> Sequence[int]:
    """Height and width of a convolution's answers."""
    return [(side + 2 * padding - kernel) // stride + 1 for side in x.shape[2:]]


class SmallMaps(TorchFunctionMode):
    """While it is entered, convolutions under bfloat16 autocast that learn on small maps are such products."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        told = kwargs or {}
        if func is torch.conv2d and (small := _small(*args, **told)):
            x, weight, bias, stride, padding = small
            made = _Convolution.apply(x.bfloat16(), weight.bfloat16(), stride, padding)
            return made if bias is None else made + bias.bfloat16()[:, None, None]
        return func(*args, **told)


def _small(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> tuple[Tensor, Tensor, Tensor | None, int, int] | None:
    """What a convolution was called with, if it is one of those."""
    if isinstance(padding, str) or weight.shape[2] != weight.shape[3] or weight.shape[3] == 1 or x.shape[1] < CHANNELS:
        return None
    steps = [{one} if isinstance(one, int) else set(one) for one in (stride, padding, dilation)]
    if groups != 1 or steps[2] != {1} or any(len(one) != 1 for one in steps):
        return None
    (step,), (edge,), _ = steps
    high, wide = _places(x, weight.shape[3], step, edge)
    if high * wide > SMALL or not (x.requires_grad or weight.requires_grad) or not torch.is_grad_enabled():
        return None
    return x, weight, bias, step, edge
