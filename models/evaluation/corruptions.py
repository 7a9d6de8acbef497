"""What spoils a picture on its way to a network, each in five strengths: turned, moved, noisy, out of focus, negative.

After Hendrycks and Dietterich, Benchmarking neural network robustness to common corruptions and perturbations, 2019, in
amounts that suit 28x28 pixels. Nothing is left to chance: the same pictures are always spoiled the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from models.data.idx import UInt8

Float = npt.NDArray[np.float32]
SEED = 2019  # of the noise


@dataclass(frozen=True)
class Corruption:
    """``apply(pictures, strength)``: uint8 [N, 28, 28] -> uint8 [N, 28, 28], as they are at strength 0. ``strengths``
    are the five that are measured, in ``unit``, from the weakest on.
    """

    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[UInt8, float], UInt8]


def rotated(pictures: UInt8, degrees: float) -> UInt8:
    """Turned about the middle: pictures at even places to the left, at odd places to the right; black where nothing
    was.
    """
    told = np.empty_like(pictures)
    for parity, angle in enumerate((degrees, -degrees)):
        part = pictures[parity::2].astype(np.float32)
        told[parity::2] = _uint8(ndimage.rotate(part, angle, axes=(1, 2), reshape=False, order=1)) if len(part) else 0
    return told


def shifted(pictures: UInt8, pixels: float) -> UInt8:
    """Moved by whole pixels: by turns to the right, left, down and up. What leaves the frame is lost, and what comes in
    is black.
    """
    step, told = round(pixels), np.empty_like(pictures)
    for turn, (axis, sign) in enumerate(((2, 1), (2, -1), (1, 1), (1, -1))):
        move = [0, 0, 0]
        move[axis] = sign * step
        told[turn::4] = ndimage.shift(pictures[turn::4], move, order=0)
    return told


def noised(pictures: UInt8, sigma: float) -> UInt8:
    """Normal noise of standard deviation ``sigma``, in parts of 255, on every pixel; what would be darker than black or
    brighter than white stays there. A picture at one place has the same noise in every strength, but for its size.
    """
    noise = np.random.default_rng(SEED).standard_normal(pictures.shape, dtype=np.float32)
    return _uint8(pictures + np.float32(sigma) * noise)


def blurred(pictures: UInt8, sigma: float) -> UInt8:
    """Out of focus: a Gaussian of ``sigma`` pixels; beyond the frame is what stands at its edge."""
    return _uint8(ndimage.gaussian_filter(pictures.astype(np.float32), (0, sigma, sigma), mode="nearest"))


def inverted(pictures: UInt8, share: float) -> UInt8:
    """A ``share`` of the way to the negative: (1 - share) x + share (255 - x).

    Half the way is one grey, of which nobody can read anything, and beyond it dark ink lies on bright ground: contrast
    is |1 - 2 share| of what it was.
    """
    whole = pictures.astype(np.float32)
    return _uint8(whole + np.float32(share) * (255 - 2 * whole))


def _uint8(values: Float) -> UInt8:
    """Rounded, and held between 0 and 255."""
    told: UInt8 = values.round().clip(0, 255).astype(np.uint8)
    return told


CORRUPTIONS: Mapping[str, Corruption] = MappingProxyType(
    {
        "rotated": Corruption("degrees", (10, 20, 30, 45, 60), rotated),
        "shifted": Corruption("pixels", (1, 2, 3, 4, 6), shifted),
        "noised": Corruption("sigma in parts of 255", (16, 32, 48, 64, 96), noised),
        "blurred": Corruption("sigma in pixels", (0.5, 1, 1.5, 2, 3), blurred),
        "inverted": Corruption("share of the way to the negative", (0.1, 0.2, 0.4, 0.8, 1), inverted),
    }
)
