"""What the judges send: pictures whose answer is known, and what is none or should not be opened."""

import io
import struct
import zlib

from PIL import Image, ImageDraw, ImageFont

from tests.models.intake.test_picture import draw_seven


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    """As a file of this kind."""
    file = io.BytesIO()
    image.save(file, kind)
    return file.getvalue()


def number() -> bytes:
    """2357 in print."""
    image = Image.new("L", (600, 220), 240)
    ImageDraw.Draw(image).text((60, 50), "2357", 20, ImageFont.load_default(110))
    return encoded(image, "JPEG")


def bomb(width: int, height: int) -> bytes:
    """A white PNG of one bit a pixel: few bytes, many pixels."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    rows = (b"\0" + b"\xff" * ((width + 7) // 8)) * height
    head = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows, 9)) + chunk(b"IEND", b"")


SEVEN = draw_seven(size=(112, 112), at=(35, 20), longest=70, width=8)
SEVENS = {kind: encoded(SEVEN, kind) for kind in ("PNG", "JPEG", "WEBP")}
NUMBER = number()
BAD = {  # and the codes that may answer each
    b"": ("invalid_parameter",),
    b"\x89PNG\r\n\x1a\n and then nothing of the kind": ("undecodable",),
    b"%PDF-1.7\n%": ("unsupported_type",),
    SEVENS["PNG"][:-40]: ("undecodable",),
    encoded(Image.new("L", (50, 50), 255)): ("nothing_found",),
    bomb(10_000, 6_000): ("too_many_pixels",),
}
BOMB = bomb(1, 50_000_000)  # as many pixels as are opened, 1.9 s of CPU each before it was mended
