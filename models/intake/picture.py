"""The way from any picture to the 28x28 pixels that a network learned from: ``prepare(image, dataset)``.

MNIST and Fashion-MNIST were made from scans and catalogue photographs by fixed steps. A picture that people send
went through none of them, so the steps are done here: ``intake.digit`` follows MNIST's authors, ``intake.garment``
those of Fashion-MNIST.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image

from models import datasets

SIDE = datasets.SIDE
BLANK = 16  # of 255: a picture of 28x28 in which all pixels are nearer to each other shows nothing
DARK = 8  # of 255: MNIST's ground is 0, and a little more where it was saved as JPEG
DIM = 60  # of 255: Fashion-MNIST's corners, of which garments cover some; the brightest median is 52
UInt8 = npt.NDArray[np.uint8]
Float = npt.NDArray[np.float32]


class NothingFound(ValueError):
    """The picture holds nothing to read: it is blank, or too faint."""


@dataclass(frozen=True)
class Step:
    """One thing done to a picture, with its parameters (JSON-able), so that it can be shown."""

    name: str
    parameters: dict[str, Any]


AS_IT_WAS = Step("as it is", {"why": "28x28, grey, bright on black"})


@dataclass(frozen=True)
class Prepared:
    """``picture``: uint8 [28, 28], bright on black, as the dataset's own; ``steps``: how it came about, in order."""

    picture: UInt8
    steps: tuple[Step, ...]

    @property
    def as_it_was(self) -> bool:
        """Whether the picture was of the dataset's own kind already."""
        return self.steps == (AS_IT_WAS,)


def prepare(image: Image.Image, dataset: str) -> Prepared:
    """Bring ``image`` (mode L or RGB, any size) to what networks of ``dataset`` learned from.

    A picture that already is 28x28, grey and bright on black comes back byte for byte. Raises NothingFound for a
    blank picture, UnknownName for an unknown dataset, ValueError for another mode.
    """
    from models.intake import digit, garment

    name = datasets.find(dataset).name
    if image.mode not in ("L", "RGB"):
        raise ValueError(f"prepare takes pictures of mode L or RGB, got {image.mode}")
    pixels = np.asarray(image)
    own = _already_prepared(pixels, name)
    if own is not None:
        return Prepared(own, (AS_IT_WAS,))
    steps: list[Step] = []
    find = digit.prepare if name == "mnist" else garment.prepare
    return Prepared(find(pixels, steps), tuple(steps))


def _already_prepared(pixels: UInt8, dataset: str) -> UInt8 | None:
    """The 28x28 grey values if the picture is of the dataset's own kind, as all 140,000 of their pictures are: on
    black, which digits leave free at the border and garments in two corners at least. NothingFound if it is blank.
    """
    if pixels.shape[:2] != (SIDE, SIDE) or (grey := grey_of(pixels)) is None:
        return None
    if (contrast := int(np.ptp(grey))) < BLANK:
        raise NothingFound(f"the picture is blank: its pixels differ by {contrast} of 255, at least {BLANK} are needed")
    if dataset == "mnist":
        black = float(np.median(border(grey))) <= DARK
    else:
        black = float(np.median([grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]])) <= DIM
    return grey.copy() if black else None  # Pillow's own memory is read-only


def grey_of(pixels: UInt8) -> UInt8 | None:
    """uint8 [H, W] of uint8 [H, W] or [H, W, 3] without colour; WebP's and JPEG's channels may differ by 2. None of
    a picture in colour.
    """
    if pixels.ndim == 2:
        return pixels
    if int(np.ptp(pixels, axis=2).max()) > 2:
        return None
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), np.uint8)  # of equal channels exactly their value


def fit(pixels: UInt8, longest: int) -> tuple[UInt8, float]:
    """Shrink to at most ``longest`` pixels a side, each new pixel the mean of those it covers; also the factor (<=
    1).
    """
    height, width = pixels.shape[:2]
    factor = min(1.0, longest / max(height, width))
    if factor == 1:
        return pixels, 1.0
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


def border(pixels: UInt8, share: float = 0.03) -> UInt8:
    """The pixels of a frame ``share`` of the shorter side wide (one at least): [K] or [K, 3]."""
    wide = max(1, round(share * min(pixels.shape[:2])))
    inner = pixels[wide:-wide]
    parts = [pixels[:wide], pixels[-wide:], inner[:, :wide], inner[:, -wide:]]
    return np.concatenate([part.reshape(-1, *pixels.shape[2:]) for part in parts])
