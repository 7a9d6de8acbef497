"""Contact sheets: pictures as they were sent, each beside what the networks saw of it, with words below; or what the
networks saw alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageFont, ImageOps

from models.intake.pixels import UInt8

SHOWN = 140  # pixels: 28x28 five times enlarged, and the longest side of what was sent
GAP, LINE = 8, 13
COLUMNS = 5
GROUND, FRAME, INK = "white", (90, 120, 200), "black"


@dataclass(frozen=True)
class Entry:
    """The ``original`` picture (None: it is what networks saw), what they ``saw`` (uint8 [28, 28]; None: nothing), and
    ``lines`` of words.
    """

    original: Image.Image | None
    saw: UInt8 | None
    lines: Sequence[str]


def entry(original: Image.Image, saw: UInt8 | None, lines: Sequence[str]) -> Entry:
    """An Entry that keeps of ``original`` but what is shown: its longest side brought to SHOWN."""
    return Entry(ImageOps.contain(original.convert("RGB"), (SHOWN, SHOWN)), saw, lines)


def draw(entries: Sequence[Entry], columns: int = COLUMNS) -> Image.Image:
    """The entries, one at least, in rows of ``columns``: mode RGB."""
    columns = min(columns, len(entries))
    beside = 2 if any(one.original for one in entries) else 1
    wide, high = beside * SHOWN + (beside + 1) * GAP, SHOWN + 2 * GAP + LINE * max(len(one.lines) for one in entries)
    sheet = Image.new("RGB", (columns * wide, -(-len(entries) // columns) * high), GROUND)
    for number, one in enumerate(entries):
        _draw(sheet, one, wide * (number % columns) + GAP, high * (number // columns) + GAP)
    return sheet


def _draw(sheet: Image.Image, one: Entry, left: int, top: int) -> None:
    pen, font = ImageDraw.Draw(sheet), ImageFont.load_default(size=LINE - 2)
    places = (left, left + SHOWN + GAP) if one.original else (left, left)
    for start, shown in zip(places, (one.original, _enlarged(one.saw)), strict=True):
        if shown is not None:
            sheet.paste(shown, (start, top))
            pen.rectangle((start - 1, top - 1, start + shown.width, top + shown.height), outline=FRAME)
    for number, line in enumerate(one.lines):
        pen.text((left, top + SHOWN + 2 + number * LINE), line, fill=INK, font=font)


def _enlarged(saw: UInt8 | None) -> Image.Image | None:
    return None if saw is None else Image.fromarray(saw).resize((SHOWN, SHOWN), Image.Resampling.NEAREST)
