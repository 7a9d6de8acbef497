"""From bytes to a picture: is it one, is it small enough to open, and what does it look like?

The bytes decide the type, not a name. Eight formats are opened and no other decoder of Pillow is ever entered, since
each is code that strangers' bytes run through.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Protocol

from PIL import Image, JpegImagePlugin, TiffImagePlugin, UnidentifiedImageError

from models.intake import envelope, footprint, modes
from models.intake.steps import IntakeError

Image.MAX_IMAGE_PIXELS = None  # the limit is `max_pixels`, checked below for every format before anything is decoded

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
READABLE = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
MAX_PIXELS = 50_000_000  # of a file of our own, and the service's default: 8700x5800
DRAFT = 1024  # pixels: a JPEG with a longer edge is shrunk while it is decoded; networks look at 28x28
SNIFFED = 1024  # bytes looked at for what is known to be no picture

# What people send by mistake: its first bytes (byte order mark and white space left out), and its name.
KNOWN_OTHERS = (
    (b"%pdf", "a PDF"),
    (b"<?xml", "XML, perhaps an SVG drawing"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"<", "XML, SVG or HTML"),
    (b"pk\x03\x04", "a ZIP archive or an office document"),
    (b"pk\x05\x06", "an empty ZIP archive"),
    (b"rar!\x1a", "a RAR archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"\xd0\xcf\x11\xe0", "an old office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{", "JSON or text"),
    (b"%!ps", "PostScript"),
    (b"8bps", "a Photoshop file"),
)
# How each of the eight formats begins: what begins so and cannot be read is damaged, all else is no picture.
BEGINNINGS = {
    "PNG": rb"\x89PNG",
    "JPEG": rb"\xff\xd8\xff",
    "WebP": rb"RIFF.{4}WEBP",
    "GIF": rb"GIF8[79]a",
    "BMP": rb"BM",
    "TIFF": rb"II[*+]\0|MM\0[*+]",
    "AVIF": rb".{4}ftypavi[fs]",
    "HEIC": rb".{4}ftyp(he[iv][cmsx]|m[is]f1)",
}
TURNS = {  # EXIF orientation (tag 0x0112): what undoes it
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ON_THEIR_SIDE = (5, 6, 7, 8)
TOO_MUCH_MEMORY = "to open the picture takes more memory than may be used for one"
TOO_MUCH_TEXT = (
    "the picture's metadata hold more than 1 MiB in one compressed part, or 64 MiB of text in all; "
    "save it anew, without metadata"
)
TINY_PIXELS, TINY_BYTES = 32 * 32, 16 * 1024
ORIGINAL_SIZE = "original_size"  # a key of PIL's Image.info


Holding = Callable[[int], AbstractContextManager[object]]


class Decoder(Protocol):
    """What gives the picture in bytes as ``decode`` does, wherever it does so."""

    def __call__(self, data: bytes, *, max_pixels: int) -> Image.Image:
        """See ``decode``."""
        ...


class DecodeError(IntakeError):
    """A picture that cannot be opened: ``code`` is too_many_pixels, unsupported_type (known to be something else) or
    undecodable; ``message`` tells its sender what is wrong and what would be right.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(code, message)  # both, so that it passes between processes
        self.code, self.message = code, message

    def __str__(self) -> str:
        return self.message


def decode(data: bytes, *, max_pixels: int, holding: Holding = nullcontext) -> Image.Image:
    """The picture in ``data`` as people see it: mode L or RGB, upright, on white, the first frame of an animation.

    ``max_pixels`` bounds width times height and is checked before anything is decoded. What has as many pixels as
    2048x2048 or more comes back smaller by a whole factor, of one to four megapixels; all else comes back whole.
    ``holding`` is told, once the head has been read, how many bytes decoding will hold, and is left when it is done.
    Raises DecodeError and nothing else, but for an IntakeError of ``holding``.
    """
    _check_bytes(data)
    try:
        _quiet()
        return _open(data, max_pixels, holding)
    except IntakeError:
        raise
    except MemoryError as error:
        raise DecodeError("too_many_pixels", f"{TOO_MUCH_MEMORY}; send a smaller one") from error
    except Exception as error:  # decoders raise whatever they like for damaged bytes
        if "MAX_TEXT_" in str(error):  # Pillow's two limits on the texts of a PNG, which may be quite whole
            raise DecodeError("undecodable", TOO_MUCH_TEXT) from error
        why = str(error)[:120] or type(error).__name__
        raise DecodeError(
            "undecodable", f"the picture is damaged or cut off ({why}); send a whole {READABLE}"
        ) from error


def open_file(path: Path, *, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """The picture in a file, as ``decode`` gives it. Raises DecodeError, which names the file; OSError if it cannot be
    read.
    """
    try:
        return decode(path.read_bytes(), max_pixels=max_pixels)
    except DecodeError as error:
        raise DecodeError(error.code, f"cannot open {path} as a picture: {error.message}") from error


def _check_bytes(data: bytes) -> None:
    if not data:
        raise DecodeError("undecodable", f"the picture has no bytes; send a {READABLE}")
    start = data[:SNIFFED].removeprefix(b"\xff\xfe").removeprefix(b"\xfe\xff").removeprefix(b"\xef\xbb\xbf")
    if start[:2] in (b"<\0", b"\0<"):  # UTF-16
        start = start.replace(b"\0", b"")
    start = start.lstrip().lower()
    for signature, name in KNOWN_OTHERS:
        if start.startswith(signature):
            raise DecodeError("unsupported_type", f"the bytes are {name}, not a picture; send a {READABLE}")


@cache
def register_heif() -> None:
    """Have Pillow open and save HEIC: imported late, since it takes a while."""
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _quiet() -> None:
    """Decoders warn of odd metadata; nobody reads that here. Said anew each time: whoever set filters may have
    reset them.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif")


def _open(data: bytes, max_pixels: int, holding: Holding) -> Image.Image:
    register_heif()
    if why := envelope.objection(data):
        raise DecodeError("undecodable", f"the file {why}")
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise DecodeError("undecodable", f"{_told_of(data)}; send a whole {READABLE}") from error
    _check_size(image, max_pixels)
    original = image.size
    scanned = isinstance(image, JpegImagePlugin.JpegImageFile)  # the first of several in an MPO, too
    if scanned and (why := envelope.objection_to_scans(data, image.width * image.height)):
        raise DecodeError("undecodable", f"the file {why}")
    if max(image.size) > DRAFT:
        image.draft(None, (DRAFT, DRAFT))  # JPEG alone: the smallest eighth, quarter or half that is still larger
    with holding(footprint.held(image, original, data)):
        image.load()
        orientation = _orientation(image)
        seen = modes.visible(_smaller(image))
        upright = seen.transpose(TURNS[orientation]) if orientation in TURNS else seen
    upright.info[ORIGINAL_SIZE] = original[::-1] if orientation in ON_THEIR_SIDE else original
    return upright


def _told_of(data: bytes) -> str:
    for kind, beginning in BEGINNINGS.items():
        if re.match(beginning, data, re.DOTALL):
            return f"the picture is damaged or cut off (it begins as {kind} does, but cannot be read as one)"
    return "the bytes are no picture that can be opened"


def is_tiny(data: bytes) -> bool:
    """Whether this is a PNG that says it has as few pixels as the datasets' pictures, or a few more, in few bytes: then
    ``decode`` takes a thirtieth of a millisecond, or a few milliseconds at worst. What Pillow would inflate beside the
    picture is no tiny matter, nor is a second head, which Pillow would believe.
    """
    if len(data) > TINY_BYTES or data[:8] != b"\x89PNG\r\n\x1a\n" or any(kind in data for kind in envelope.INFLATED):
        return False
    size = envelope.size_of_png(data)
    return size is not None and size[0] * size[1] <= TINY_PIXELS


def original_size(image: Image.Image) -> tuple[int, int]:
    """Width and height in pixels of a picture of ``decode`` in its file, upright; it may have been shrunk since."""
    width, height = image.info.get(ORIGINAL_SIZE, image.size)
    return int(width), int(height)


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """What decoding would allocate: the picture itself, and one tile of a tiled TIFF, which may claim to be larger."""
    width, height = image.size
    if width < 1 or height < 1:
        raise DecodeError("undecodable", f"the picture has {width}x{height} pixels; at least 1x1 is needed")
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        across, down = footprint.tile(image)
        if across * down > max(max_pixels, width * height):
            width, height = across, down
    if width * height > max_pixels:
        told = f"the picture has {width}x{height} pixels"
        raise DecodeError("too_many_pixels", f"{told}; at most {max_pixels} are opened")


def _orientation(image: Image.Image) -> int:
    for xmp in ("xmp", "XML:com.adobe.xmp"):  # whose orientation browsers pass over, and Pillow does not
        image.info.pop(xmp, None)
    try:
        return int(image.getexif().get(0x0112, 1))
    except Exception:  # damaged metadata make no picture unreadable
        return 1


def _smaller(image: Image.Image) -> Image.Image:
    """Shrunk by a whole factor to not below a megapixel: conversions of 50 megapixels would take a gigabyte, and
    networks look at 28x28.
    """
    factor = footprint.factor(image)
    return modes.reduced(image, factor) if factor > 1 else image
