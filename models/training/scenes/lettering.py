"""Digits, letters and words in the fonts of a folder (``tools/fetch-fonts.sh`` fetches some 580): training material.

Without such a folder all is written in OpenCV's Hershey fonts, seven sets of plain strokes, which is enough for a try.
"""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from models.intake.pixels import UInt8

HERSHEY = (
    cv2.FONT_HERSHEY_SIMPLEX,
    cv2.FONT_HERSHEY_DUPLEX,
    cv2.FONT_HERSHEY_COMPLEX,
    cv2.FONT_HERSHEY_TRIPLEX,
    cv2.FONT_HERSHEY_COMPLEX_SMALL,
    cv2.FONT_HERSHEY_SCRIPT_SIMPLEX,
    cv2.FONT_HERSHEY_SCRIPT_COMPLEX,
)
DRAWN_AT = 120  # pixels: glyphs are drawn at this size once and scaled from there


def fonts_in(folder: Path) -> list[Path]:
    """The fonts in ``folder``, in the order of their names."""
    return sorted(path for path in folder.glob("*") if path.suffix in (".woff", ".ttf", ".otf"))


def of_families(fonts: list[Path], each: int, held: bool) -> list[Path]:
    """The fonts of one family in ``each`` if ``held``, else of all others: a family's weights are much alike."""
    families = sorted({_family(path) for path in fonts})
    held_out = set(families[::each])
    return [path for path in fonts if (_family(path) in held_out) == held]


def _family(path: Path) -> str:
    """By the name of its file: caveat of caveat-latin-400-normal.woff, DSEG7Classic of DSEG7Classic-Bold.woff."""
    return re.split(r"-latin|-(?=[A-Z])", path.stem)[0]


def written(rng: np.random.Generator, text: str, longest: int, fonts: list[Path]) -> UInt8:
    """``text`` in a font drawn from ``fonts``, its longer side ``longest`` pixels: uint8 [h, w], ink bright on 0."""
    number = int(rng.integers(len(fonts) + (5 if not fonts else max(1, len(fonts) // 20))))
    large = _glyph(text, fonts[number]) if number < len(fonts) else None
    if large is None:  # no fonts, one draw in twenty, or a font without these letters
        large = _hershey(rng, text)
    scale = longest / max(large.shape)
    size = max(1, round(large.shape[1] * scale)), max(1, round(large.shape[0] * scale))
    return np.asarray(cv2.resize(large, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC), np.uint8)


@lru_cache(maxsize=20_000)
def _glyph(text: str, path: Path) -> UInt8 | None:
    """uint8 [h, w]; None where the font has nothing to show for it."""
    font = ImageFont.truetype(str(path), DRAWN_AT, layout_engine=ImageFont.Layout.BASIC)
    left, top, right, bottom = font.getbbox(text)
    if right - left < 4 or bottom - top < 4:
        return None
    image = Image.new("L", (round(right - left) + 2, round(bottom - top) + 2))
    ImageDraw.Draw(image).text((1 - left, 1 - top), text, 255, font)
    box = image.getbbox()
    return None if box is None else np.asarray(image.crop(box))


def _hershey(rng: np.random.Generator, text: str) -> UInt8:
    """In one of OpenCV's fonts, of one line thickness: uint8 [h, w]."""
    font, thick = HERSHEY[int(rng.integers(len(HERSHEY)))], int(rng.integers(1, 14))
    (width, height), below = cv2.getTextSize(text, font, 3, thick)
    canvas = np.zeros((height + below + 2 * thick, width + 2 * thick), np.uint8)
    cv2.putText(canvas, text, (thick, height + thick), font, 3, 255, thick, cv2.LINE_AA)
    rows, columns = np.flatnonzero(canvas.any(1)), np.flatnonzero(canvas.any(0))
    if not len(rows):  # a space, or a character that Hershey does not have
        return np.full((8, 8), 255, np.uint8)
    return np.ascontiguousarray(canvas[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
