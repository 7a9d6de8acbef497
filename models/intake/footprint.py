"""How many bytes of memory the decoding of a picture holds, told from its head: measured for each format, rounded up.

A decoder holds the whole picture, some of them several times. What is then made of it holds more for each pixel, of
four megapixels at most: larger pictures have been shrunk by then.
"""

from __future__ import annotations

import math

from PIL import Image, JpegImagePlugin, TiffImagePlugin

from models.intake import envelope

SEEN = 1024  # pixels a side, of a square: what remains is at least so large
SENT = 3  # times the file itself: as it came, in Pillow's buffer, in the decoder's own
# Bytes a pixel while it is decoded and shrunk.
DECODERS = {"WEBP": 26, "AVIF": 20, "HEIF": 20}  # canvases of an animation; planes of 16 bits, twice as RGBA
MODES = {"1": 3, "L": 2, "RGB": 5, "CMYK": 5, "YCbCr": 5, "LAB": 5, "P": 6, "I;16": 7, "I;16B": 7, "I": 5, "F": 7}
OTHERS = 13  # with opacity: RGBA, another with its colours multiplied, a third shrunk
JPEG = 5
STRIP = 8  # more for a TIFF, which may lie in one strip
# Bytes a pixel while it is brought to L or RGB.
CONVERTED, ON_GROUNDS, DEEP = 5, 34, 40


def held(image: Image.Image, original: tuple[int, int], data: bytes) -> int:
    """Bytes that decoding holds of an opened picture, not yet loaded: ``original`` is its size in the file, and
    ``image.size`` what a JPEG is shrunk to while it is decoded; ``data``: the file.
    """
    by = factor(image)
    seen = -(image.width // -by) * -(image.height // -by)
    metadata = envelope.metadata_of_png(data)[1] if image.format == "PNG" else 0
    whole = _whole(image, image.width * image.height, original, data)
    return SENT * len(data) + metadata + whole + seen * _converted(image)


def factor(image: Image.Image) -> int:
    """By how much a picture is shrunk once it is loaded."""
    return max(1, int((image.width * image.height) ** 0.5 / SEEN))


def _whole(image: Image.Image, pixels: int, original: tuple[int, int], data: bytes) -> int:
    if image.format in DECODERS:
        return DECODERS[image.format] * pixels
    if isinstance(image, JpegImagePlugin.JpegImageFile):
        # One of several scans is kept as coefficients, of two bytes each, until the last has been read.
        kept = 2 * image.layers * original[0] * original[1] if envelope.is_of_several_scans(data) else 0
        return JPEG * pixels + kept
    each = OTHERS if image.has_transparency_data else MODES.get(image.mode, OTHERS)
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return (each + STRIP) * max(pixels, math.prod(tile(image)))
    return each * pixels


def _converted(image: Image.Image) -> int:
    if image.has_transparency_data:
        return ON_GROUNDS
    return DEEP if image.mode in ("I", "F") or image.mode.startswith("I;16") else CONVERTED


def tile(image: TiffImagePlugin.TiffImageFile) -> tuple[int, int]:
    """Width and height of a tile of a TIFF, which may claim to be larger than the picture; 0 where there are none."""
    return image.tag_v2.get(322, 0), image.tag_v2.get(323, 0)  # TileWidth, TileLength
