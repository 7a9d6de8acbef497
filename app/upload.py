"""From bytes to a picture: is it one, is it small enough to open, and what does it look like?

The bytes decide the type, not the name or the declared type. Eight formats are opened and no other decoder of
Pillow is ever entered, since each is code that strangers' bytes run through.
"""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from functools import cache

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

Image.MAX_IMAGE_PIXELS = None  # the limit is `max_pixels`, checked below for every format before anything is decoded

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
READABLE = "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC"
DRAFT = 1024  # pixels: a JPEG with a longer edge is shrunk while it is decoded; networks look at 28x28

# What people send by mistake: its first bytes (leading white space left out), and its name.
KNOWN_OTHERS = (
    (b"%PDF", "a PDF"),
    (b"<?xml", "XML, perhaps an SVG drawing"),
    (b"<svg", "an SVG drawing"),
    (b"<!doctype html", "an HTML page"),
    (b"<html", "an HTML page"),
    (b"PK\x03\x04", "a ZIP archive or an office document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"{", "JSON or text"),
    (b"%!PS", "PostScript"),
    (b"8BPS", "a Photoshop file"),
)
# Everything that Pillow and pillow-heif were seen to raise for damaged bytes.
DAMAGE = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    IndexError,
    KeyError,
    AttributeError,
    ArithmeticError,
    AssertionError,
    EOFError,
    RuntimeError,
    MemoryError,
    RecursionError,
    struct.error,
    zlib.error,
)


STATUS = {"too_many_pixels": 413, "unsupported_type": 415, "undecodable": 422}


class UploadError(Exception):
    """A picture that cannot be used: ``code`` of the HTTP contract, its ``status``, and a ``message`` for the
    sender.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message, self.status = code, message, STATUS[code]


def decode(data: bytes, *, max_pixels: int, content_type: str | None = None) -> Image.Image:
    """The picture in ``data`` as people see it: mode L or RGB, upright, on white, the first frame of an animation.

    ``max_pixels`` bounds width times height and is checked before anything is decoded; a JPEG with an edge of over
    1024 pixels comes back smaller. Raises UploadError and nothing else.
    """
    _check_declared(content_type)
    _check_bytes(data)
    try:
        _quiet()
        return _open(data, max_pixels)
    except UploadError:
        raise
    except DAMAGE as error:
        why = str(error)[:120] or type(error).__name__
        raise UploadError(
            "undecodable", f"the picture is damaged or cut off ({why}); send a whole {READABLE}"
        ) from error


def _check_declared(content_type: str | None) -> None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and kind != "application/octet-stream":
        told = f"the declared type is {kind[:64]!r}"
        raise UploadError("unsupported_type", f"{told}; wanted image/* or application/octet-stream")


def _check_bytes(data: bytes) -> None:
    if not data:
        raise UploadError("undecodable", f"the picture has no bytes; send a {READABLE}")
    start = data[:512].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    for signature, name in KNOWN_OTHERS:
        if start.startswith(signature.lower()):
            raise UploadError("unsupported_type", f"the bytes are {name}, not a picture; send a {READABLE}")


@cache
def _register_heif() -> None:
    import pillow_heif

    pillow_heif.register_heif_opener(thumbnails=False)


def _quiet() -> None:
    """Decoders warn of odd metadata; nobody reads that here. Said anew each time: whoever set filters may have
    reset them.
    """
    warnings.filterwarnings("ignore", module=r"PIL\.|pillow_heif")


def _open(data: bytes, max_pixels: int) -> Image.Image:
    _register_heif()
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
    except UnidentifiedImageError as error:
        raise UploadError("undecodable", f"the bytes are no picture that can be opened; send a {READABLE}") from error
    width, height = image.size
    if width * height > max_pixels:
        told = f"the picture has {width}x{height} pixels"
        raise UploadError("too_many_pixels", f"{told}; at most {max_pixels} are opened")
    if width < 1 or height < 1:
        raise UploadError("undecodable", f"the picture has {width}x{height} pixels; at least 1x1 is needed")
    if max(image.size) > DRAFT:
        image.draft(None, (DRAFT, DRAFT))  # JPEG alone: the smallest eighth, quarter or half that is still larger
    image.load()
    return _visible(_upright(image))


def _upright(image: Image.Image) -> Image.Image:
    try:
        return ImageOps.exif_transpose(image)
    except DAMAGE:  # damaged metadata make no picture unreadable
        return image


def _visible(image: Image.Image) -> Image.Image:
    """L or RGB of any mode that the eight decoders give."""
    if image.has_transparency_data:
        return _on_white(image)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _eight_bits(image)
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("RGB")  # P, CMYK (Pillow has undone Adobe's inversion), YCbCr, RGBX, HSV


def _on_white(image: Image.Image) -> Image.Image:
    """What is transparent becomes white; or black, where a white drawing would vanish."""
    grey = image.mode in ("1", "L", "LA", "La")
    colours = image.convert("RGBA")
    for ground in ("white", "black"):
        flat = Image.alpha_composite(Image.new("RGBA", colours.size, ground), colours).convert("RGB")
        if np.ptp(np.asarray(flat), axis=(0, 1)).any():
            break
    return flat.convert("L") if grey else flat


def _eight_bits(image: Image.Image) -> Image.Image:
    """More than eight bits a pixel, grey: by the range that the numbers are plainly of, else stretched from least
    to most.
    """
    numbers = np.asarray(image).astype(np.float64)
    values = np.where(np.isfinite(numbers), numbers, 0)
    low, high = float(values.min()), float(values.max())
    if image.mode.startswith("I;16") or (low >= 0 and 255 < high <= 65535):
        values = values / 257
    elif low >= 0 and high <= 1 and image.mode == "F":
        values = values * 255
    elif low < 0 or high > 255:
        values = (values - low) * (255 / max(high - low, 1e-6))
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    if converted is None:
        raise ValueError("the LAB colours cannot be converted")
    return converted
