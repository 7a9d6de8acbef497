"""What a file says before its picture, counted: a file of a million empty parts costs Pillow minutes, a picture none.

Each walk ends at its limit, far above what cameras, phones, scanners and editors write, and takes about ten
milliseconds for 20 MiB.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from itertools import islice

SEGMENTS = 2_000  # of a JPEG before its first scan: 20 MiB of extended XMP have 320
EXIFS = 32  # of these segments that hold EXIF: Pillow joins them, at a cost that grows with the square
CHUNKS = 20_000  # of a PNG: libpng writes 8 KiB of picture in each, 20 MiB have 2,560
COMPRESSED = 64  # of these that Pillow inflates, at some milliseconds each: editors write a profile and a few texts
BLOCKS = 20_000  # of a GIF before its first frame, 255 bytes each
STRIPS = 65_536  # of a TIFF, or tiles: one for each row, in a picture of 50 megapixels, is less than 10,000
RLE_BYTES = 4 << 20  # of a run-length coded BMP, which Pillow decodes in Python
JUNK = 1 << 16  # bytes that belong to nothing

# Bytes that Pillow keeps of a chunk of a PNG that it inflates, of 1 MiB at most from a thousand bytes: a letter of a
# zTXt may be held twice, one of an iTXt as four bytes. A plain iTXt is copied, too, while it is taken apart.
INFLATED = {b"iCCP": 1 << 20, b"zTXt": 2 << 20, b"iTXt": 4 << 20}
PLAIN = 12  # times the length of a plain iTXt
NUMBERS = 28  # times the length of EXIF, where one value is a list of all its bytes: an object for each number

# Scans of a JPEG: a progressive one has about ten.
LEAST_SCANS, MOST_SCANS = 20, 100
SCANNED = 10**9  # pixels in all scans together, where that allows more than the least

EOI, SOS, APP1 = 0xD9, 0xDA, 0xE1  # of a JPEG: its end, the start of a scan, what holds EXIF
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}  # what tells the size: codes of tables lie between them
PROGRESSIVE = {0xC2, 0xC6, 0xCA, 0xCE}
# What ends the coded picture or starts a segment. All other codes are passed over, with no length to skip by: coded
# 0xFF (00), restarts (D0 to D7) and TEM; on those that remain libjpeg gives up, or skips them within a scan.
_MARKER = re.compile(rb"\xff[\xc0-\xc7\xc9-\xcf\xd9-\xef\xfe]")


def objection(data: bytes) -> str | None:
    """Why a file should not be opened at all, as the end of a sentence; None if nothing speaks against it."""
    for signature, look in _LOOKS.items():
        if data.startswith(signature):
            return look(data)
    return None


def _too_many(what: str, most: int) -> str:
    return f"has more than {most:,} {what}; save the picture anew, without metadata"


def _jpeg(data: bytes) -> str | None:
    junk, exifs, behind = 0, 0, 2
    for number, (code, start, end) in enumerate(_segments(data)):
        junk, behind = junk + start - behind, end
        exifs += code == APP1 and data[start + 4 : start + 8] == b"Exif"
        if junk > JUNK:
            return _too_many("bytes that belong to no segment", JUNK)
        if exifs > EXIFS:
            return _too_many("segments of EXIF", EXIFS)
        if code == SOS:
            return None
        if number >= SEGMENTS:
            return _too_many("segments before its picture", SEGMENTS)
    return _too_many("bytes that belong to no segment", JUNK) if junk + len(data) - behind > JUNK else None


def objection_to_scans(data: bytes, pixels: int) -> str | None:
    """As ``objection``, of a JPEG of ``pixels``: each of its scans costs a pass over the whole picture."""
    most = max(LEAST_SCANS, min(MOST_SCANS, SCANNED // pixels))
    scans = 0
    for number, (code, _, _) in enumerate(_segments(data)):
        if code == EOI and scans:  # libjpeg reads no further: a phone's video or a second picture may follow
            break
        scans += code == SOS
        if number >= 2 * SEGMENTS:
            return _too_many("segments", 2 * SEGMENTS)
    return f"has {scans} scans; at most {most} are decoded at its size" if scans > most else None


def is_of_several_scans(data: bytes) -> bool:
    """Whether libjpeg keeps the coefficients of a whole JPEG: it is progressive, or its first scan lacks components."""
    components = 0
    for code, start, _ in _segments(data):
        if code in PROGRESSIVE:
            return True
        if code in FRAMES:
            components = int.from_bytes(data[start + 9 : start + 10])
        if code == SOS:
            return start + 4 < len(data) and data[start + 4] < components
    return False


def pixels_of_jpeg(data: bytes) -> int | None:
    """Width times height, as the first frame of a JPEG tells them; None where there is no such frame."""
    for number, (code, start, _) in enumerate(_segments(data)):
        if code in FRAMES and start + 9 <= len(data):
            height, width = struct.unpack_from(">HH", data, start + 5)
            return int(height * width)
        if code == SOS or number >= SEGMENTS:
            return None
    return None


def size_of_png(data: bytes) -> tuple[int, int] | None:
    """Width and height, as the head of a PNG tells them; None where it is not at the front, or not the only one: Pillow
    believes the last.
    """
    if len(data) < 24 or data[12:16] != b"IHDR" or data.count(b"IHDR") > 1:
        return None
    width, height = struct.unpack_from(">II", data, 16)
    return int(width), int(height)


def _segments(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Code, start and end of each segment of a JPEG, as Pillow and libjpeg step through them: by the length where one
    is told, else to the next marker, over the coded picture and whatever else lies between.
    """
    at = 2
    while found := _MARKER.search(data, at):
        start, at = found.span()
        code = data[start + 1]
        if code != EOI:
            at += max(2, int.from_bytes(data[at : at + 2], "big"))
        yield code, start, at


def metadata_of_png(data: bytes) -> tuple[int, int]:
    """How many chunks of a PNG Pillow inflates, and how many bytes it may hold of them, of plain iTXt and of EXIF;
    other texts are no longer than in the file. Behind the most chunks that are read at all nothing is counted.
    """
    compressed = held = 0
    for kind, start, end in islice(_chunks(data), CHUNKS):
        if kind == b"iTXt" and _is_plain(data, start, end):
            held += PLAIN * (end - start)
        elif kind == b"eXIf":
            held += NUMBERS * (end - start)
        elif kind in INFLATED:
            compressed, held = compressed + 1, held + INFLATED[kind]
    return compressed, held


def _is_plain(data: bytes, start: int, end: int) -> bool:
    """Whether an iTXt says that it is not compressed: by the byte behind its key and a zero."""
    key_end = data.find(b"\0", start, end)
    return key_end >= 0 and data[key_end + 1 : key_end + 2] == b"\0"


def _chunks(data: bytes) -> Iterator[tuple[bytes, int, int]]:
    """Kind, start and end of what each chunk of a PNG holds, as Pillow steps through them."""
    at = 8
    while at + 8 <= len(data):
        start = at + 8
        end = start + int.from_bytes(data[at : at + 4], "big")
        yield data[at + 4 : start], start, min(end, len(data))
        at = end + 4  # behind its checksum


def _png(data: bytes) -> str | None:
    if next(islice(_chunks(data), CHUNKS, None), None):
        return _too_many("chunks", CHUNKS)
    compressed, _ = metadata_of_png(data)
    return _too_many("chunks of compressed metadata", COMPRESSED) if compressed > COMPRESSED else None


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
