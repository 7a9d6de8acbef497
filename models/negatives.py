"""Letters and noise that the gate is measured against. It has not learned from these: ``models.strangers``, from
which it has, draws others in other ways.

Every function draws from the generator that it is given and returns a picture of mode L or RGB.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.picture import Float, UInt8

Rng = np.random.Generator

# Without those that are a digit in some hand or font: I O Q S Z, b g i l o q s z.
LETTERS = "ABCDEFGHJKLMNPRTUVWXYacdefhjkmnprtuvwxy"
HERSHEY_FONTS = 8  # OpenCV numbers its plain faces 0 to 7


def letter(rng: Rng) -> Image.Image:
    """One letter in a Hershey font or Pillow's own, of any size and colour, anywhere on a plain ground."""
    height = int(rng.integers(32, 480))
    width = int(height * rng.uniform(0.6, 1.7))
    high = min(height, width) * rng.uniform(0.3, 0.8)
    mask = (_hershey if rng.random() < 0.5 else _pillow)(rng, LETTERS[int(rng.integers(len(LETTERS)))], high)
    canvas = np.zeros((max(height, mask.shape[0]), max(width, mask.shape[1])), np.float32)
    top, left = (int(rng.integers(room + 1)) for room in np.subtract(canvas.shape, mask.shape))
    canvas[top : top + mask.shape[0], left : left + mask.shape[1]] = mask / np.float32(255)
    ink, ground = rng.uniform(0, 90, 3), rng.uniform(160, 255, 3)
    if rng.random() < 0.5:
        ink, ground = ground, ink
    return Image.fromarray(np.asarray(np.rint(ground + canvas[..., None] * (ink - ground)), np.uint8))


def _hershey(rng: Rng, text: str, high: float) -> UInt8:
    """About ``high`` pixels high: uint8 [h, w], 255 where ink is."""
    font, thick = int(rng.integers(HERSHEY_FONTS)), max(1, round(high * rng.uniform(0.02, 0.15)))
    scale = high / cv2.getTextSize(text, font, 1, 1)[0][1]
    (width, height), below = cv2.getTextSize(text, font, scale, thick)
    mask = np.zeros((height + below + 2 * thick, width + 2 * thick), np.uint8)
    cv2.putText(mask, text, (thick, height + thick), font, scale, 255, thick, cv2.LINE_AA)
    return mask


def _pillow(rng: Rng, text: str, high: float) -> UInt8:
    font = ImageFont.load_default(size=high * rng.uniform(0.9, 1.2))
    left, top, right, bottom = font.getbbox(text)
    mask = Image.new("L", (int(right - left) + 4, int(bottom - top) + 4))
    ImageDraw.Draw(mask).text((2 - left, 2 - top), text, fill=255, font=font)
    return np.asarray(mask)


def uniform(rng: Rng, side: int) -> Float:
    """Every pixel for itself."""
    return rng.random((side, side), np.float32)


def gaussian(rng: Rng, side: int) -> Float:
    """Round a grey, with a deviation of a tenth to a third of the range."""
    return np.asarray(rng.normal(rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.33), (side, side)), np.float32)


def checkerboard(rng: Rng, side: int) -> Float:
    """Of 2 to 8 fields a side."""
    field = np.arange(side) * int(rng.integers(2, 9)) // side
    return np.asarray((field[:, None] + field) % 2, np.float32)


def stripes(rng: Rng, side: int) -> Float:
    """2 to 10 bars across, sharp or soft, upright, flat or slanted."""
    across = np.linspace(0, 1, side)
    slant = rng.choice([0.0, 1.0, float(rng.uniform(0, 1))])
    waves = np.sin(2 * np.pi * rng.uniform(2, 10) * (slant * across[:, None] + (1 - slant) * across))
    return np.asarray(waves > 0 if rng.random() < 0.5 else waves / 2 + 0.5, np.float32)


def clouds(rng: Rng, side: int) -> Float:
    """White noise blurred, a tenth to a quarter of the side wide, stretched to the full range."""
    blurred = cv2.GaussianBlur(rng.random((side, side), np.float32), (0, 0), side * rng.uniform(0.1, 0.25))
    return np.asarray((blurred - blurred.min()) / (np.ptp(blurred) + 1e-6), np.float32)


def blobs(rng: Rng, side: int) -> Float:
    """2 to 12 filled ellipses of random greys, some over others, on black."""
    canvas = np.zeros((side, side), np.float32)
    for _ in range(int(rng.integers(2, 13))):
        centre, axes = rng.integers(0, side, 2).tolist(), (1 + rng.integers(1, max(2, side // 5), 2)).tolist()
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(0.3, 1)), -1)
    return canvas


NOISES = (uniform, gaussian, checkerboard, stripes, clouds, blobs)


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
