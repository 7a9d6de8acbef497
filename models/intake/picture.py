"""The way from any picture to the 28x28 pixels that a network learned from: ``prepare(image, dataset)``.

MNIST and Fashion-MNIST were made from scans and catalogue photographs by fixed steps. A picture that people send
went through none of them, so the steps are done here: ``intake.digit`` follows MNIST's authors, ``intake.garment``
those of Fashion-MNIST.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from models import datasets
from models.datasets import SIDE
from models.intake import digit, garment
from models.intake.pixels import UInt8, border, grey_of
from models.intake.steps import NothingFound, Step

BLANK = 16  # of 255: a picture of 28x28 in which all pixels are nearer to each other shows nothing
DARK = 8  # of 255: MNIST's ground is 0, and a little more where it was saved as JPEG
FREE = 4  # pixels: so wide is MNIST's margin, which tells its digits from a cell with a black border around white paper
DIM = 60  # of 255: Fashion-MNIST's corners, of which garments cover some; the brightest median is 52
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
    if image.mode not in ("L", "RGB"):
        raise ValueError(f"prepare takes pictures of mode L or RGB, got {image.mode}")
    return prepare_pixels(np.asarray(image), dataset)


def prepare_pixels(pixels: UInt8, dataset: str) -> Prepared:
    """The same of uint8 [H, W] or [H, W, 3]."""
    name = datasets.find(dataset).name
    own = _already_prepared(pixels, name)
    if own is not None:
        return Prepared(own, (AS_IT_WAS,))
    steps: list[Step] = []
    follow = digit.prepare if name == "mnist" else garment.prepare
    return Prepared(follow(pixels, steps), tuple(steps))


def _already_prepared(pixels: UInt8, dataset: str) -> UInt8 | None:
    """The 28x28 grey values if the picture is of the dataset's own kind, as all 140,000 of their pictures are: on
    black, which digits leave free at the border and garments in two corners at least. NothingFound if it is blank.
    """
    if pixels.shape[:2] != (SIDE, SIDE) or (grey := grey_of(pixels)) is None:
        return None
    if (contrast := int(np.ptp(grey))) < BLANK:
        raise NothingFound(f"the picture is blank: its pixels differ by {contrast} of 255, at least {BLANK} are needed")
    if dataset == "mnist":
        rings = (border(grey[free : SIDE - free, free : SIDE - free]) for free in range(FREE))
        black = max(float(np.median(ring)) for ring in rings) <= DARK
    else:
        black = float(np.median([grey[0, 0], grey[0, -1], grey[-1, 0], grey[-1, -1]])) <= DIM
    return grey.copy() if black else None  # Pillow's own memory is read-only
