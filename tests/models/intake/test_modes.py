"""Any mode that the decoders give, as people see it: opacity, palettes, many bits, ink and Lab colours."""

import numpy as np
import pytest
from PIL import Image, ImageCms

from models.intake.decode import decode
from tests.models.intake.test_decode import BLUE, LIME, MOST, RED, WHITE, close, corners, encode, quarters


def with_alpha(mode, colour, alpha):
    image = Image.new(mode, (20, 20), colour)
    image.paste((*colour[:-1], 255), (0, 0, 10, 20))
    assert alpha == colour[-1]
    return image


@pytest.mark.parametrize(
    ("image", "options", "wanted"),
    [
        (with_alpha("RGBA", (255, 0, 0, 0), 0), {}, (255, 255, 255)),
        (with_alpha("RGBA", (255, 0, 0, 128), 128), {}, (255, 127, 127)),
        (with_alpha("LA", (0, 0), 0), {}, 255),
        (with_alpha("LA", (0, 128), 128), {}, 127),
        (quarters().quantize(4), {"transparency": 0}, None),
        (Image.new("L", (20, 20), 7), {"transparency": 7}, None),
    ],
)
def test_what_is_transparent_is_white(image, options, wanted):
    decoded = decode(encode(image, **options), max_pixels=MOST)
    assert decoded.mode in ("L", "RGB")
    if wanted is None:
        assert not decoded.has_transparency_data
    else:
        got = decoded.getpixel((15, 10))
        assert np.abs(np.subtract(got, wanted)).max() <= 1


def test_a_white_drawing_on_nothing_is_put_on_black():
    image = Image.new("LA", (40, 40), (255, 0))
    image.paste((255, 255), (18, 5, 22, 35))
    pixels = np.asarray(decode(encode(image), max_pixels=MOST))
    assert (pixels[20, 20], pixels[20, 5]) == (255, 0)


@pytest.mark.parametrize("level", [255, 252, 240])
@pytest.mark.parametrize("trace", [0, 6])
def test_so_is_one_that_is_nearly_white_or_left_a_trace_in_a_lossy_format(level, trace):
    image = Image.new("RGBA", (40, 40), (255 - trace, 255 - trace, 255 - trace, 0))
    image.paste((level, level, level, 255), (18, 5, 22, 35))
    if trace:  # at its edges the opacity is neither none nor whole
        image.paste((255 - trace, 255 - trace, 255 - trace, 250), (17, 5, 18, 35))
    pixels = np.asarray(decode(encode(image), max_pixels=MOST))
    assert pixels[20, 20].tolist() == [level] * 3
    assert pixels[20, 5].tolist() == [0] * 3


def test_a_faint_dark_drawing_on_nothing_stays_on_white():
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((0, 0, 0, 15), (18, 5, 22, 35))
    pixels = np.asarray(decode(encode(image), max_pixels=MOST))
    assert pixels[20, 5].tolist() == [255] * 3
    assert pixels[20, 20].tolist() == [240] * 3


@pytest.mark.parametrize("clear", [0, 3000, 65535])
def test_sixteen_bits_with_one_value_that_is_transparent(clear):
    array = np.full((20, 20), 20_000, np.uint16)
    array[:, 10:], array[5:9, :5] = clear, 65535 - clear
    pixels = np.asarray(decode(encode(Image.fromarray(array), transparency=clear), max_pixels=MOST))
    assert pixels[15, 15] == 255, "transparent, on white"
    assert pixels[15, 2] == round(20_000 / 257)
    assert pixels[6, 2] == round((65535 - clear) / 257)


def ramp(dtype, top):
    return (np.linspace(0, 1, 256)[None, :].repeat(8, 0) * top).astype(dtype)


@pytest.mark.parametrize(
    ("array", "kind"),
    [
        (ramp(np.uint16, 65535), "PNG"),
        (ramp(np.uint16, 65535), "TIFF"),
        (ramp(np.int32, 65535), "TIFF"),
        (ramp(np.int32, 255), "TIFF"),
        (ramp(np.int32, 10_000_000), "TIFF"),
        (ramp(np.float32, 1.0), "TIFF"),
        (ramp(np.float32, np.nextafter(np.float32(1), np.float32(2))), "TIFF"),
        (ramp(np.float32, 255.0), "TIFF"),
    ],
)
def test_more_than_eight_bits_are_scaled(array, kind):
    pixels = np.asarray(decode(encode(Image.fromarray(array), kind), max_pixels=MOST))
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[0].astype(int) - np.arange(256)).max() <= 1


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_none_are_no_trouble(bad):
    array = ramp(np.float32, 255.0)
    array[0, 0] = bad
    assert decode(encode(Image.fromarray(array), "TIFF"), max_pixels=MOST).mode == "L"


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "LAB", "RGBX"])
def test_every_mode_shows_its_colours(mode):
    source = quarters()
    if mode == "LAB":
        profiles = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
        source = ImageCms.applyTransform(source, ImageCms.buildTransform(*profiles, "RGB", "LAB"))
    else:
        source = source.convert(mode)
    decoded = decode(encode(source, "PNG" if mode in ("1", "L", "P") else "TIFF"), max_pixels=MOST)
    assert decoded.mode == ("L" if mode in ("1", "L") else "RGB")
    wanted = corners(source.convert("RGB")) if mode != "LAB" else [RED, LIME, BLUE, WHITE]
    assert close(corners(decoded), wanted, by=25)


def test_a_cmyk_jpeg_is_not_inverted():
    assert close(
        corners(decode(encode(quarters().convert("CMYK"), "JPEG", quality=95), max_pixels=MOST)),
        [RED, LIME, BLUE, WHITE],
        by=30,
    )


@pytest.mark.parametrize("top", [255, 1023, 4095, 16383, 65535])
def test_numbers_of_fewer_bits_than_their_container_are_not_dark(top):
    ramp = np.linspace(0, top, 256).round().astype(np.uint16)[None].repeat(4, 0)
    pixels = np.asarray(decode(encode(Image.fromarray(ramp), "TIFF"), max_pixels=MOST))
    assert np.abs(pixels[0].astype(int) - np.arange(256)).max() <= 1


def test_a_constant_half_transparent_picture_is_on_white_not_black():
    decoded = decode(encode(Image.new("RGBA", (9, 9), (255, 0, 0, 128))), max_pixels=MOST)
    assert decoded.getpixel((4, 4)) == (255, 127, 127)


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_an_opacity_that_is_zero_everywhere_says_nothing(mode):
    source = quarters().convert("L" if mode == "LA" else "RGB")
    hidden = source.copy()
    hidden.putalpha(0)
    decoded = decode(encode(hidden), max_pixels=MOST)
    assert close(corners(decoded), corners(source), by=1)
