"""Any mode that the eight decoders give, as people see it: L or RGB, eight bits, transparent parts on a ground."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageCms

ONE = 1.001  # what fractions reach that were 1 before they were rounded
FAINT = 20  # of 255: a drawing on white of less contrast may be a white one, of which a lossy format left a trace


def visible(image: Image.Image) -> Image.Image:
    """L or RGB of any mode that the eight decoders give."""
    if image.mode in ("La", "RGBa"):  # colours multiplied with their opacity, as TIFF may have them
        image = image.convert("LA" if image.mode == "La" else "RGBA")
    if image.mode in ("I", "F") or image.mode.startswith("I;16"):
        return _deep(image)
    if image.has_transparency_data:
        return _on_ground(image)
    if image.mode in ("L", "RGB"):
        return image
    if image.mode == "1":
        return image.convert("L")
    if image.mode == "LAB":
        return _from_lab(image)
    return image.convert("RGB")  # P, CMYK (Pillow has undone Adobe's inversion), YCbCr, RGBX, HSV


def reduced(image: Image.Image, factor: int) -> Image.Image:
    """Shrunk by a whole factor, each pixel the mean of those it covers, in a mode whose values have means."""
    if image.mode in ("1", "P", "PA"):
        image = image.convert("L" if image.mode == "1" else "RGBA" if image.has_transparency_data else "RGB")
    elif image.mode.startswith("I;16"):
        image = image.convert("I")
    elif image.mode in ("L", "RGB") and image.has_transparency_data:  # one value stands for transparent
        image = image.convert("LA" if image.mode == "L" else "RGBA")
    return image.reduce(factor)  # of RGBA and LA, the colours are weighted with their opacity


def _on_ground(image: Image.Image) -> Image.Image:
    """What is transparent becomes white; or black, where a white drawing would vanish or nearly so; or is shown after
    all, where the opacity is zero everywhere and so says nothing.
    """
    grey = image.mode in ("1", "L", "LA")
    colours = image.convert("RGBA")
    grounds = [Image.new("RGBA", colours.size, ground) for ground in ("white", "black")]
    choices = [Image.alpha_composite(ground, colours).convert("RGB") for ground in grounds]
    if colours.getchannel("A").getextrema() == (0, 0):
        choices.append(colours.convert("RGB"))
    plain = choices[0] if _contrast(choices[0]) >= FAINT else max(choices, key=_contrast)
    return plain.convert("L") if grey else plain


def _contrast(image: Image.Image) -> int:
    """How far the values are apart, of 255, in the channel with most."""
    return int(np.ptp(np.asarray(image), axis=(0, 1)).max())


def _deep(image: Image.Image) -> Image.Image:
    """Grey of more than eight bits, and the one value of it that a PNG may call transparent."""
    clear = image.info.get("transparency")
    shown = _eight_bits(image)
    if not isinstance(clear, int):
        return shown
    opaque = np.where(np.asarray(image) == clear, 0, 255).astype(np.uint8)
    shown.putalpha(Image.fromarray(opaque))
    return _on_ground(shown)


def _eight_bits(image: Image.Image) -> Image.Image:
    """More than eight bits a pixel, grey: by the range that the numbers are plainly of (fractions; 8, 10, 12, 14 or
    16 bits), else stretched from least to most.
    """
    numbers = np.asarray(image).astype(np.float64)
    values = np.where(np.isfinite(numbers), numbers, 0)
    low, high = float(values.min()), float(values.max())
    if low >= 0 and high <= ONE and image.mode == "F":
        values = values * 255
    elif low >= 0 and high <= 65535:
        values = values * (255 / next(top for top in (255, 1023, 4095, 16383, 65535) if high <= top))
    else:
        values = (values - low) * (255 / max(high - low, 1e-6))
    return Image.fromarray(np.rint(values).clip(0, 255).astype(np.uint8))


def _from_lab(image: Image.Image) -> Image.Image:
    lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
    converted = ImageCms.applyTransform(image, ImageCms.buildTransform(lab, rgb, "LAB", "RGB"))
    if converted is None:
        raise ValueError("the LAB colours cannot be converted")
    return converted
