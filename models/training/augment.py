"""Augmentation as batched tensor work: uint8 pictures in, uint8 pictures out, on whatever device they live.

AlexNet's own (Krizhevsky et al., 2012, section 4.1): crops, mirror images, brightness and contrast. Digits are
turned and scaled a little instead of mirrored: a mirrored 3 is no 3, and a 6 turned far enough is a 9.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far a picture may be moved: each amount is the bound of a uniform draw to both sides."""

    degrees: float  # of rotation
    scale: float  # fraction of the size
    shift: float  # pixels of 28; what leaves the frame is cropped, what enters is black
    brightness: float  # fraction of 255, added to the ink alone: the ground stays black
    contrast: float  # fraction
    mirror: bool  # left and right swapped, for half of the pictures
    stroke: float = 0  # how far strokes are widened or thinned, 1 being half a pixel at each side
    erase: float = 0  # share of the pictures in which a rectangle becomes noise (Zhong et al., Random erasing, 2020)

    def within(self, share: float) -> Augmentation:
        """With a ``share`` of each bound, 0 to 1."""
        bounds = ("degrees", "scale", "shift", "brightness", "contrast", "stroke")
        return replace(self, **{name: share * getattr(self, name) for name in bounds})


AUGMENTATIONS: Mapping[str, Augmentation] = MappingProxyType(
    {
        "mnist": Augmentation(degrees=10, scale=0.12, shift=2, brightness=0, contrast=0.2, mirror=False, stroke=0.5),
        "fashion-mnist": Augmentation(
            degrees=3, scale=0.08, shift=2, brightness=0.1, contrast=0.2, mirror=True, erase=0.5
        ),
    }
)


def augment(pictures: Tensor, how: Augmentation) -> Tensor:
    """uint8 [N, H, W] -> uint8 [N, H, W], each picture moved by its own draw from torch's global generator."""
    count, device = len(pictures), pictures.device

    def draw(bound: float) -> Tensor:
        return (torch.rand(count, device=device) * 2 - 1) * bound

    angle, zoom = torch.deg2rad(draw(how.degrees)), 1 + draw(how.scale)
    mirror = (
        torch.where(torch.rand(count, device=device) < 0.5, -1.0, 1.0) if how.mirror else torch.ones(1, device=device)
    )
    cos, sin = angle.cos() / zoom, angle.sin() / zoom
    across, down = (draw(2 * how.shift / side) for side in pictures.shape[:0:-1])
    rows = torch.stack([cos * mirror, -sin, across, sin * mirror, cos, down], dim=1)
    grid = functional.affine_grid(rows.view(count, 2, 3), [count, 1, *pictures.shape[1:]], align_corners=False)
    moved = functional.grid_sample(pictures.unsqueeze(1).float(), grid, mode="bilinear", align_corners=False).squeeze(1)
    if how.stroke:
        moved = _with_strokes(moved, draw(how.stroke)[:, None, None])
    contrast, brightness = 1 + draw(how.contrast), 255 * draw(how.brightness)
    lit = moved * contrast[:, None, None] + brightness[:, None, None] * (moved > 0)
    moved = lit.round_().clamp_(0, 255).to(torch.uint8)
    return _erased(moved, how.erase) if how.erase else moved


def _erased(pictures: Tensor, share: float) -> Tensor:
    """uint8 [N, H, W] with noise in one rectangle of a ``share`` of them (Zhong et al., Random erasing, 2020):
    2 to 33 % of the picture, aspect 0.3 to 3.3, as torchvision's RandomErasing.
    """
    count, height, width = pictures.shape
    device = pictures.device
    area = torch.empty(count, device=device).uniform_(0.02, 0.33) * height * width
    aspect = torch.empty(count, device=device).uniform_(math.log(0.3), math.log(3.3)).exp()
    tall, wide = (area * aspect).sqrt().clamp_(max=height), (area / aspect).sqrt().clamp_(max=width)
    top, left = torch.rand(count, device=device) * (height - tall), torch.rand(count, device=device) * (width - wide)
    y, x = (torch.arange(side, device=device) + 0.5 for side in (height, width))
    rows = (y >= top[:, None]) & (y < (top + tall)[:, None])
    columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
    chosen = torch.rand(count, device=device)[:, None, None] < share
    noise = torch.randint(256, pictures.shape, dtype=torch.uint8, device=device)
    return torch.where(rows[:, :, None] & columns[:, None] & chosen, noise, pictures)


def _with_strokes(pictures: Tensor, change: Tensor) -> Tensor:
    """float32 [N, H, W] with wider strokes where ``change`` [N, 1, 1], -1 to 1, is above 0, narrower where it is below:
    part of the way to the picture's 2x2 dilation or erosion, which is half a pixel at each side.
    """
    padded = functional.pad(pictures.unsqueeze(1), (1, 1, 1, 1))
    wide, narrow = functional.max_pool2d(padded, 2, stride=1), -functional.max_pool2d(-padded, 2, stride=1)
    target = functional.avg_pool2d(torch.where(change[:, None] > 0, wide, narrow), 2, stride=1).squeeze(1)
    return pictures.lerp(target, change.abs())
