"""Letters and noise that the gate is measured against. It has learned from none of these kinds of noise, nor from this
font: ``scenes.strangers``, from which it has, has others.

Every function draws from the generator that it is given and returns a picture of mode L or RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from models.intake.pixels import Float, UInt8

Rng = np.random.Generator

# Without those that are a digit in some hand or font: I O Q S Z, b g i l o q s z.
LETTERS = "ABCDEFGHJKLMNPRTUVWXYacdefhjkmnprtuvwxy"


def letter(rng: Rng) -> Image.Image:
    """One letter in Pillow's own font, upright or slanted, plain or bold, narrow or wide, of any size and colour,
    anywhere on a plain ground.
    """
    height = int(rng.integers(32, 480))
    width = int(height * rng.uniform(0.6, 1.7))
    high = min(height, width) * rng.uniform(0.3, 0.8)
    mask = _glyph(rng, LETTERS[int(rng.integers(len(LETTERS)))], high)
    canvas = np.zeros((max(height, mask.shape[0]), max(width, mask.shape[1])), np.float32)
    top, left = (int(rng.integers(room + 1)) for room in np.subtract(canvas.shape, mask.shape))
    canvas[top : top + mask.shape[0], left : left + mask.shape[1]] = mask / np.float32(255)
    ink, ground = rng.uniform(0, 90, 3), rng.uniform(160, 255, 3)
    if rng.random() < 0.5:
        ink, ground = ground, ink
    return Image.fromarray(np.asarray(np.rint(ground + canvas[..., None] * (ink - ground)), np.uint8))


def _glyph(rng: Rng, text: str, high: float) -> UInt8:
    """About ``high`` pixels high: uint8 [h, w], 255 where ink is."""
    font = ImageFont.load_default(size=high * rng.uniform(0.9, 1.2))
    bold = int(high * rng.uniform(0.02, 0.06)) if rng.random() < 0.5 else 0
    left, top, right, bottom = font.getbbox(text, stroke_width=bold)
    mask = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(mask).text((2 - left, 2 - top), text, fill=255, font=font, stroke_width=bold)
    wide, slant = rng.uniform(0.7, 1.3), rng.uniform(-0.25, 0.25)
    reach = abs(slant) * mask.height
    matrix = np.array([[wide, slant, reach if slant < 0 else 0], [0, 1, 0]], np.float32)
    size = max(1, int(np.ceil(wide * mask.width + reach))), mask.height
    return np.asarray(cv2.warpAffine(np.asarray(mask), matrix, size, flags=cv2.INTER_AREA), np.uint8)


def speckle(rng: Rng, side: int) -> Float:
    """Grey, with grains of one to four pixels darker or brighter on a share of it."""
    grain = int(rng.integers(1, 5))
    coarse = rng.random((side // grain + 1, side // grain + 1)).astype(np.float32)
    share = rng.uniform(0.05, 0.4)
    grains = np.where(coarse < share / 2, 0.0, np.where(coarse > 1 - share / 2, 1.0, 0.5))
    return np.asarray(grains.repeat(grain, 0).repeat(grain, 1)[:side, :side], np.float32)


def pink(rng: Rng, side: int) -> Float:
    """As many waves of each octave: noise whose spectrum falls as a power of the frequency, 0.7 to 1.8."""
    across, down = np.fft.rfftfreq(side), np.fft.fftfreq(side)
    frequency = np.maximum(np.hypot(down[:, None], across), 1 / side)
    waves = rng.normal(size=(*frequency.shape, 2)) @ (1, 1j)
    return _stretched(np.fft.irfft2(waves / frequency ** rng.uniform(0.7, 1.8), (side, side)))


def rings(rng: Rng, side: int) -> Float:
    """Waves round a place within the picture or beside it."""
    y, x = np.mgrid[0:side, 0:side] / side
    away = np.hypot(y - rng.uniform(-0.3, 1.3), x - rng.uniform(-0.3, 1.3))
    waves = np.sin(2 * np.pi * rng.uniform(3, 12) * away)
    return _stretched(np.sign(waves) if rng.random() < 0.5 else waves)


def bricks(rng: Rng, side: int) -> Float:
    """A wall: rows of bricks, each row half a brick further, with joints between."""
    high = max(3, side // int(rng.integers(4, 12)))
    y, x = np.mgrid[0:side, 0:side]
    along = (x + (y // high % 2) * high) % (2 * high)
    joints = (y % high < max(1, high // 6)) | (along < max(1, high // 6))
    return _stretched(np.where(joints, 1.0, 0.4 + 0.05 * rng.standard_normal((side, side))))


def zigzags(rng: Rng, side: int) -> Float:
    """Lines that turn at right angles, one beneath the other."""
    y, x = np.mgrid[0:side, 0:side]
    period = max(4, side // int(rng.integers(2, 7)))
    rise = np.abs(x % period - period / 2)
    return np.asarray((y + rise) % (period * rng.uniform(0.4, 0.9)) < max(1, period * 0.15), np.float32)


def shards(rng: Rng, side: int) -> Float:
    """Fields of one grey each, nearer to their own of 5 to 30 places than to another."""
    places = rng.uniform(0, side, (int(rng.integers(5, 31)), 2))
    y, x = np.mgrid[0:side, 0:side]
    nearest = np.argmin([(y - row) ** 2 + (x - column) ** 2 for row, column in places], axis=0)
    return np.asarray(rng.random(len(places))[nearest], np.float32)


def _stretched(values: npt.NDArray[np.float64]) -> Float:
    return np.asarray((values - values.min()) / (np.ptp(values) + 1e-6), np.float32)


NOISES = (speckle, pink, rings, bricks, zigzags, shards)


def noise(rng: Rng) -> Image.Image:
    """One of NOISES, 28 to 256 pixels a side, as often as not bright for dark; a third of them of 28x28 pixels."""
    side = 28 if rng.random() < 1 / 3 else int(rng.integers(28, 257))
    values = np.clip(NOISES[int(rng.integers(len(NOISES)))](rng, side), 0, 1)
    return Image.fromarray(np.asarray(np.rint(255 * (1 - values if rng.random() < 0.5 else values)), np.uint8))


MAKERS: Mapping[str, Callable[[Rng], Image.Image]] = MappingProxyType({"letters": letter, "noise": noise})


def make(kind: str, count: int, seed: int = 0) -> Iterator[Image.Image]:
    """``count`` pictures of a kind of MAKERS, the same for the same seed."""
    rng = np.random.default_rng(seed)
    return (MAKERS[kind](rng) for _ in range(count))
