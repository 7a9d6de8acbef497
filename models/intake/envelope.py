"""What a file says before its picture, counted: a file of a million empty parts costs Pillow minutes, a picture none.

Each walk ends at its limit, far above what cameras, phones, scanners and editors write, and takes less than ten
milliseconds.
"""

from __future__ import annotations

import struct
from collections.abc import Callable

SEGMENTS = 2_000  # of a JPEG before its first scan: 20 MiB of extended XMP have 320
EXIFS = 32  # of these segments that hold EXIF: Pillow joins them, at a cost that grows with the square
CHUNKS = 20_000  # of a PNG: libpng writes 8 KiB of picture in each, 20 MiB have 2,560
BLOCKS = 20_000  # of a GIF before its first frame, 255 bytes each
STRIPS = 65_536  # of a TIFF, or tiles: one for each row, in a picture of 50 megapixels, is less than 10,000
RLE_BYTES = 4 << 20  # of a run-length coded BMP, which Pillow decodes in Python
JUNK = 1 << 16  # bytes that belong to nothing


def objection(data: bytes) -> str | None:
    """Why a file should not be opened at all, as the end of a sentence; None if nothing speaks against it."""
    for signature, look in _LOOKS.items():
        if data.startswith(signature):
            return look(data)
    return None


def _too_many(what: str, most: int) -> str:
    return f"has more than {most:,} {what}; save the picture anew, without metadata"


def _jpeg(data: bytes) -> str | None:
    at, junk, exifs = 2, 0, 0
    for _ in range(SEGMENTS):
        marker = data.find(b"\xff", at)
        if marker < 0:
            return None
        code = marker
        while data[code : code + 4096] == b"\xff" * 4096:  # fill bytes
            code += 4096
            if code - at > JUNK:
                return _too_many("bytes between two segments", JUNK)
        while code < len(data) and data[code] == 0xFF:
            code += 1
        junk += code - at - 1
        if junk > JUNK:
            return _too_many("bytes that belong to no segment", JUNK)
        if code + 3 > len(data) or data[code] in (0xDA, 0xD9):  # the picture, or the end
            return None
        exifs += data[code] == 0xE1 and data[code + 3 : code + 7] == b"Exif"
        if exifs > EXIFS:
            return _too_many("segments of EXIF", EXIFS)
        alone = data[code] in (0x00, 0x01) or 0xD0 <= data[code] <= 0xD8  # markers without a length
        at = code + 1 if alone else code + 1 + max(2, int.from_bytes(data[code + 1 : code + 3], "big"))
    return _too_many("segments before its picture", SEGMENTS)


def _png(data: bytes) -> str | None:
    at = 8
    for _ in range(CHUNKS):
        if at + 8 > len(data):
            return None
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return _too_many("chunks", CHUNKS)


def _gif(data: bytes) -> str | None:
    if len(data) < 13:
        return None
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)  # behind the global colour table
    count = junk = 0
    while at < len(data) and data[at] not in (0x2C, 0x3B):  # a frame, or the end
        if data[at] != 0x21:
            at, junk = at + 1, junk + 1
        else:
            at += 2
            while at < len(data) and data[at] and count <= BLOCKS:
                at, count = at + 1 + data[at], count + 1
            at, count = at + 1, count + 1
        if junk > JUNK:
            return _too_many("bytes that belong to no block", JUNK)
        if count > BLOCKS:
            return _too_many("blocks before its first frame", BLOCKS)
    return None


def _tiff(data: bytes) -> str | None:
    order = "<" if data[:2] == b"II" else ">"
    large = data[2:4] in (b"+\0", b"\0+")  # BigTIFF
    number, entry = ("Q", "HHQ8x") if large else ("H", "HHI4x")
    at = _number(data, order + ("Q" if large else "I"), 8 if large else 4)
    size = struct.calcsize(order + entry)
    start = at + struct.calcsize(order + number)
    count = min(_number(data, order + number, at), (len(data) - start) // size)
    if count < 1:
        return None
    for tag, _, values in struct.iter_unpack(order + entry, data[start : start + count * size]):
        if tag in (273, 324) and values > STRIPS:
            return _too_many("strips or tiles", STRIPS)
    return None


def _number(data: bytes, form: str, at: int) -> int:
    size = struct.calcsize(form)
    return int(struct.unpack_from(form, data, at)[0]) if at + size <= len(data) else 0


def _bmp(data: bytes) -> str | None:
    if len(data) > RLE_BYTES and data[30:34] in (b"\1\0\0\0", b"\2\0\0\0"):
        return f"has {len(data):,} run-length coded bytes; at most {RLE_BYTES:,} are decoded: save it as PNG"
    return None


_LOOKS: dict[bytes, Callable[[bytes], str | None]] = {
    b"\xff\xd8": _jpeg,
    b"\x89PNG\r\n\x1a\n": _png,
    b"GIF8": _gif,
    b"II*\0": _tiff,
    b"MM\0*": _tiff,
    b"II+\0": _tiff,
    b"MM\0+": _tiff,
    b"BM": _bmp,
}
