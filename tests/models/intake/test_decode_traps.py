"""Pictures that are valid and yet easily read wrongly, and those made to cost much: odd TIFFs, opacity, size."""

import io
import struct

import numpy as np
import pytest
from PIL import Image

from models.intake import decode as decoder
from models.intake.decode import DecodeError, decode
from tests import allocated
from tests.models.intake.test_decode import MOST, close, corners, encode, quarters

ASSOCIATED, UNASSOCIATED = 1, 2  # of TIFF's tag ExtraSamples: colours multiplied with the opacity, or not


def tiff(pixel, *, side=8, bits=8, photometric=1, extra=(), tile=None):
    """An uncompressed TIFF of ``side`` x ``side`` equal pixels; ``pixel`` holds one's bytes, all channels."""
    channels = len(pixel) * 8 // bits
    data = pixel * side * side
    tags = [(256, 4, [side]), (257, 4, [side]), (258, 3, [bits] * channels), (259, 3, [1]), (262, 3, [photometric])]
    tags += [(277, 3, [channels])] + ([(338, 3, list(extra))] if extra else [])
    if tile:
        tags += [(322, 4, [tile]), (323, 4, [tile]), (324, 4, [0]), (325, 4, [len(data)])]
    else:
        tags += [(273, 4, [0]), (278, 4, [side]), (279, 4, [len(data)])]
    overflow_at = 8 + 2 + 12 * len(tags) + 4
    sizes = {tag: (2 if width == 3 else 4) * len(values) for tag, width, values in tags}
    data_at = overflow_at + sum(size for size in sizes.values() if size > 4)
    entries, overflow = b"", b""
    for tag, width, values in sorted(tags):
        places = [data_at] if tag in (273, 324) else values
        raw = struct.pack(f"<{len(places)}{'H' if width == 3 else 'I'}", *places)
        if len(raw) > 4:
            raw, overflow = struct.pack("<I", overflow_at + len(overflow)), overflow + raw
        entries += struct.pack("<HHI", tag, width, len(values)) + raw.ljust(4, b"\0")
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0) + overflow + data


@pytest.mark.parametrize(
    ("what", "data", "wanted"),
    [
        ("grey, opacity multiplied in", tiff(bytes([64, 128]), extra=[ASSOCIATED]), 191),
        ("grey, opacity apart", tiff(bytes([128, 128]), extra=[UNASSOCIATED]), 191),
        ("colours multiplied", tiff(bytes([128, 0, 0, 128]), photometric=2, extra=[ASSOCIATED]), (255, 127, 127)),
        ("colour, opacity apart", tiff(bytes([255, 0, 0, 128]), photometric=2, extra=[UNASSOCIATED]), (255, 127, 127)),
        ("colour and something unsaid", tiff(bytes([255, 0, 0, 0]), photometric=2, extra=[0]), (255, 0, 0)),
        ("colour and two more", tiff(bytes([255, 0, 0, 9, 9]), photometric=2, extra=[0, 0]), (255, 0, 0)),
        ("ink colours", tiff(bytes([0, 255, 255, 0]), photometric=5), (255, 0, 0)),
        ("white is zero", tiff(bytes([10]), photometric=0), 245),
        ("sixteen-bit colour", tiff(struct.pack("<HHH", 65535, 32768, 0), bits=16, photometric=2), (255, 128, 0)),
    ],
)  # fmt: skip
def test_odd_tiffs_show_their_colours(what, data, wanted):
    image = decode(data, max_pixels=MOST)
    assert image.mode == ("L" if isinstance(wanted, int) else "RGB"), what
    assert np.abs(np.subtract(image.getpixel((4, 4)), wanted)).max() <= 1, what


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b'<!DOCTYPE svg PUBLIC "-//W3C//DTD SVG 1.1//EN"><svg/>', "SVG"),
        (b"<!-- made by hand --><svg/>", "SVG"),
        ("<svg/>".encode("utf-16"), "SVG"),
        ('<?xml version="1.0"?><svg/>'.encode("utf-16-be"), "SVG"),
        (b"<head><title>x</title>", "HTML"),
        (b"Rar!\x1a\x07\x00", "RAR"),
        (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "office"),
    ],
)
def test_markup_and_archives_are_named_however_they_begin(data, told):
    with pytest.raises(DecodeError, match=told) as refused:
        decode(data, max_pixels=MOST)
    assert refused.value.code == "unsupported_type"


def test_a_tile_larger_than_the_limit_is_refused_though_its_tiff_is_small():
    with pytest.raises(DecodeError, match="30000x30000 pixels") as refused:
        decode(tiff(b"\7", side=16, tile=30_000), max_pixels=MOST)
    assert refused.value.code == "too_many_pixels"
    assert decode(tiff(b"\7", side=16, tile=16), max_pixels=MOST).getpixel((3, 3)) == 7


def test_a_jpeg_of_endless_scans_is_refused():
    data = encode(quarters((256, 256)), "JPEG", progressive=True)
    assert decode(data, max_pixels=MOST).size == (256, 256)
    last = data[data.rindex(b"\xff\xda") : -2]
    with pytest.raises(DecodeError, match="scans; at most 100") as refused:
        decode(data[:-2] + last * 200 + b"\xff\xd9", max_pixels=MOST)
    assert refused.value.code == "undecodable"


LARGE = (2600, 2100)
MODES = {"L": "PNG", "1": "PNG", "P": "PNG", "RGB": "PNG", "RGBA": "PNG", "LA": "PNG", "CMYK": "TIFF"}


@pytest.mark.parametrize(("mode", "kind"), list(MODES.items()))
def test_a_large_picture_comes_back_smaller_and_looks_the_same(mode, kind):
    source = quarters(LARGE).convert(mode, dither=Image.Dither.NONE)
    decoded = decode(encode(source, kind), max_pixels=MOST)
    assert decoded.size == (1300, 1050)
    assert close(corners(decoded), corners(source), by=2)


@pytest.mark.parametrize("transparency", [0, 1])
def test_transparent_palette_entries_of_a_large_picture_are_white(transparency):
    source = Image.new("P", LARGE, 0)
    source.putpalette([255, 0, 0, 0, 0, 255] + [0] * 762)
    source.paste(1, (0, 0, LARGE[0] // 2, LARGE[1]))
    decoded = decode(encode(source, transparency=transparency), max_pixels=MOST)
    left, right = (BLUE, WHITE) if transparency == 0 else (WHITE, RED)
    assert close(corners(decoded), [left, right] * 2, by=2)


RED, BLUE, WHITE = (255, 0, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize("array", [np.uint16, np.int32, np.float32])
def test_a_large_picture_of_many_bits_is_read_without_gigabytes(array):
    ramp = np.linspace(0, 60_000, LARGE[0]).astype(array)[None].repeat(LARGE[1], 0)
    data = encode(Image.fromarray(ramp), "TIFF")
    few_copies = 8 * 1050 * 1300 * 8  # in float64 of the shrunken picture, none of the whole
    with allocated.at_most(few_copies):
        pixels = np.asarray(decode(data, max_pixels=MOST))
    assert pixels.shape == (1050, 1300)
    assert np.abs(pixels[0, ::100] - np.linspace(0, 60_000 / 257, 1300)[::100]).max() <= 2


@pytest.mark.parametrize(
    ("error", "code", "told"),
    [
        (LookupError("x"), "undecodable", "damaged"),
        (RuntimeError(), "undecodable", "damaged"),
        (Exception("anything"), "undecodable", "damaged"),
        (MemoryError(), "too_many_pixels", "takes more memory than may be used"),
    ],
)
def test_whatever_a_decoder_raises_is_a_decode_error(error, code, told, monkeypatch):
    def fail(*_args, **_kwargs):
        raise error

    monkeypatch.setattr(decoder, "_open", fail)
    with pytest.raises(DecodeError, match=told) as refused:
        decode(encode(quarters()), max_pixels=MOST)
    assert refused.value.code == code
    assert refused.value.__cause__ is error


def test_orientation_is_undone_after_shrinking():
    exif = Image.Exif()
    exif[0x0112] = 6
    buffer = io.BytesIO()
    quarters(LARGE).save(buffer, "PNG", exif=exif)
    decoded = decode(buffer.getvalue(), max_pixels=MOST)
    assert decoded.size == (1050, 1300)
    assert close(corners(decoded), [BLUE, RED, WHITE, (0, 255, 0)])
