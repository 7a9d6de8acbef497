"""Bytes to pictures: every format and mode as people see it, and a DecodeError for everything else."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps, PngImagePlugin

from models.intake.decode import DecodeError, decode, is_tiny, original_size

MOST = 50_000_000
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")


def encode(image, kind="PNG", **options):
    if kind == "HEIF":
        import pillow_heif

        pillow_heif.register_heif_opener()
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def quarters(size=(64, 48)):
    """Red, green, blue and white quarters: which way up is plain."""
    image = Image.new("RGB", size, "white")
    w, h = size[0] // 2, size[1] // 2
    for at, colour in (((0, 0), "red"), ((w, 0), "lime"), ((0, h), "blue")):
        image.paste(colour, (*at, at[0] + w, at[1] + h))
    return image


def corners(image):
    """The colours near the four corners, by rows."""
    w, h = image.size
    places = [(w // 8, h // 8), (w - w // 8, h // 8), (w // 8, h - h // 8), (w - w // 8, h - h // 8)]
    return [image.convert("RGB").getpixel(place) for place in places]


def close(colours, wanted, by=40):
    return all(max(abs(a - b) for a, b in zip(c, w, strict=True)) <= by for c, w in zip(colours, wanted, strict=True))


RED, LIME, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.mark.parametrize("kind", FORMATS)
def test_every_format_is_opened(kind):
    image = decode(encode(quarters(), kind), max_pixels=MOST)
    assert (image.mode, image.size) == ("RGB", (64, 48))
    assert close(corners(image), [RED, LIME, BLUE, WHITE])


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP", "WEBP"])
def test_a_grey_28x28_picture_keeps_every_value(kind):
    pixels = np.random.default_rng(0).integers(0, 256, (28, 28), dtype=np.uint8)
    options = {"lossless": True} if kind == "WEBP" else {}
    image = decode(encode(Image.fromarray(pixels), kind, **options), max_pixels=MOST)
    assert np.array_equal(np.asarray(image.convert("L")), pixels)


TURNED = {
    1: [RED, LIME, BLUE, WHITE],
    2: [LIME, RED, WHITE, BLUE],
    3: [WHITE, BLUE, LIME, RED],
    4: [BLUE, WHITE, RED, LIME],
    5: [RED, BLUE, LIME, WHITE],
    6: [BLUE, RED, WHITE, LIME],
    7: [WHITE, LIME, BLUE, RED],
    8: [LIME, WHITE, RED, BLUE],
}


@pytest.mark.parametrize("orientation", list(TURNED))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_orientation_is_undone(orientation, kind):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encode(quarters(), kind, exif=exif), max_pixels=MOST)
    assert image.size == ((64, 48) if orientation < 5 else (48, 64))
    assert close(corners(image), TURNED[orientation])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_orientation_in_xmp_is_passed_over_as_by_browsers(kind):
    """Who turns a picture upright removes it from EXIF, and may leave it there."""
    xmp = b'<rdf:Description xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    told = PngImagePlugin.PngInfo()
    told.add_itxt("XML:com.adobe.xmp", xmp.decode())
    data = encode(quarters(), kind, **({"pnginfo": told} if kind == "PNG" else {"xmp": xmp}))
    assert ImageOps.exif_transpose(Image.open(io.BytesIO(data))).size == (48, 64), "Pillow does not"
    assert decode(data, max_pixels=MOST).size == (64, 48)


def test_damaged_exif_makes_no_picture_unreadable():
    data = encode(quarters(), "JPEG", exif=b"Exif\x00\x00II*\x00\xff\xff\xff\xff" + b"\xff" * 40)
    assert decode(data, max_pixels=MOST).size == (64, 48)


def test_sixteen_bit_colour_and_interlaced_pngs_are_opened():
    rows = b"".join(b"\x00" + struct.pack(">HHH", 65535, 32768, 0) * 4 for _ in range(4))
    image = decode(png(4, 4, depth=16, colour=2, rows=rows), max_pixels=MOST)
    assert image.getpixel((1, 1)) == (255, 128, 0)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_taken(kind):
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "lime", "blue")]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encode(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert close([decode(data, max_pixels=MOST).convert("RGB").getpixel((10, 10))], [RED])


def test_a_large_jpeg_is_shrunk_while_it_is_decoded():
    data = encode(quarters((4000, 3000)), "JPEG")
    image = decode(data, max_pixels=MOST)
    assert 1024 <= max(image.size) < 2048
    assert close(corners(image), [RED, LIME, BLUE, WHITE])


def png(width, height, *, depth=8, colour=0, rows=b""):
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("size", [(100_000, 100_000), (2**31 - 1, 2**31 - 1), (7072, 7072)])
def test_too_many_pixels_are_refused_before_they_are_decoded(size):
    with pytest.raises(DecodeError, match=f"{size[0]}x{size[1]} pixels; at most 50000000") as refused:
        decode(png(*size), max_pixels=MOST)
    assert refused.value.code == "too_many_pixels"


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF", "JPEG", "WEBP"])
def test_the_limit_of_pixels_holds_for_every_format(kind):
    data = encode(Image.new("L", (101, 100)), kind)
    assert decode(data, max_pixels=10_100).size == (101, 100)
    with pytest.raises(DecodeError, match="101x100"):
        decode(data, max_pixels=10_099)


@pytest.mark.parametrize("size", [(1, 1), (10_000, 1), (1, 10_000)])
def test_odd_sizes_are_opened(size):
    assert decode(encode(Image.new("L", size, 9)), max_pixels=MOST).size == size


@pytest.mark.parametrize("kind", FORMATS)
@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.95])
def test_what_is_cut_off_is_opened_or_said_to_be_damaged(kind, share):
    noisy = Image.fromarray(np.random.default_rng(0).integers(0, 256, (90, 90, 3), dtype=np.uint8))
    data = encode(noisy, kind)
    try:
        assert decode(data[: int(share * len(data))], max_pixels=MOST).size == (90, 90)
    except DecodeError as refused:
        assert refused.code == "undecodable"  # noqa: PT017
        assert "send a" in refused.message  # noqa: PT017


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"%PDF-1.7\n%more", "a PDF"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>', "SVG"),
        (b"  \n<svg><script>alert(1)</script></svg>", "SVG"),
        (b"<!DOCTYPE html><html></html>", "HTML"),
        (b"\xef\xbb\xbf<HTML>", "HTML"),
        (b"PK\x03\x04rest", "ZIP"),
        (b"%!PS-Adobe-3.0 EPSF", "PostScript"),
    ],
)
def test_known_non_pictures_are_named(data, told):
    with pytest.raises(DecodeError, match=told) as refused:
        decode(data, max_pixels=MOST)
    assert refused.value.code == "unsupported_type"


@pytest.mark.parametrize("data", [b"", b"\x00", b"hello", b"\0\0\0\x18ftypmp42\0\0\0\0mp42isom"])
def test_what_is_no_picture_is_undecodable(data):
    with pytest.raises(DecodeError, match=r"no picture|no bytes") as refused:
        decode(data, max_pixels=MOST)
    assert refused.value.code == "undecodable"


def first_byte_changed(data, at):
    return data[:at] + bytes([data[at] ^ 0x55]) + data[at + 1 :]


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("no more than a signature of PNG", b"\x89PNG\r\n\x1a\n"),
        ("a PNG whose line ends were changed", encode(quarters()).replace(b"\r\n", b"\n")),
        ("a wrong checksum of IHDR", first_byte_changed(encode(quarters()), 8 + 8 + 13)),
        ("a width that the checksum of IHDR is not of", first_byte_changed(encode(quarters()), 19)),
        ("a GIF without a picture", b"GIF89a"),
        ("a JPEG without a picture", b"\xff\xd8\xff"),
        ("a JPEG of 12 bits", encode(quarters(), "JPEG").replace(b"\xff\xc0\0\x11\x08", b"\xff\xc0\0\x11\x0c")),
        ("a TIFF without a picture", b"II*\x00"),
        ("a WebP without a picture", b"RIFF\x00\x00\x00\x00WEBP"),
        ("a WebP of another chunk", encode(quarters(), "WEBP").replace(b"VP8 ", b"VP9 ")),
        ("a BMP with a header of no known size", first_byte_changed(encode(quarters(), "BMP"), 14)),
        ("an AVIF cut off", encode(quarters(), "AVIF")[:40]),
        ("a HEIC cut off", encode(quarters(), "HEIF")[:40]),
    ],
)  # fmt: skip
def test_what_begins_as_a_picture_and_cannot_be_read_is_damaged(what, data):
    with pytest.raises(DecodeError, match="damaged or cut off") as refused:
        decode(data, max_pixels=MOST)
    assert refused.value.code == "undecodable", what


@pytest.mark.parametrize("kind", [b"IHDR", b"IDAT", b"IEND", b"gAMA"])
def test_a_wrong_checksum_in_a_png_is_called_damaged_wherever_it_is_noticed(kind):
    chunk = struct.pack(">I", 4) + b"gAMA" + struct.pack(">II", 45455, zlib.crc32(b"gAMA" + struct.pack(">I", 45455)))
    data = encode(quarters())
    data = data[:33] + chunk + data[33:]
    at = data.index(kind)
    wrong = first_byte_changed(data, at + 4 + int.from_bytes(data[at - 4 : at], "big"))
    try:
        assert decode(wrong, max_pixels=MOST).size == (64, 48)
        assert kind in (b"IDAT", b"IEND")  # which Pillow does not check
    except DecodeError as refused:
        assert "damaged or cut off" in refused.message  # noqa: PT017


@pytest.mark.parametrize("kind", ["PPM", "TGA", "PCX", "ICO", "SGI", "MSP"])
def test_other_decoders_of_pillow_are_never_entered(kind):
    image = Image.new("1" if kind == "MSP" else "RGB", (16, 16))
    with pytest.raises(DecodeError) as refused:
        decode(encode(image, kind), max_pixels=MOST)
    assert refused.value.code == "undecodable"


SOURCES = [encode(quarters((24, 20)), kind) for kind in FORMATS]
RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(st.binary(max_size=300))
def test_random_bytes_raise_nothing_but_decode_errors(data):
    with pytest.raises(DecodeError):
        decode(data, max_pixels=10_000)


@RELAXED
@given(
    st.sampled_from(SOURCES), st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), max_size=8)
)
def test_damaged_pictures_raise_nothing_but_decode_errors(source, changes):
    data = bytearray(source)
    for place, value in changes:
        data[int(place * len(data))] = value
    try:
        image = decode(bytes(data), max_pixels=10_000)
    except DecodeError:
        return
    assert image.mode in ("L", "RGB")
    assert image.width * image.height <= 10_000


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.parametrize("size", [(64, 48), (2600, 1900)])
def test_the_original_size_is_kept_upright_where_the_picture_is_shrunk(kind, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = decode(encode(Image.new("L", size, 200), kind, exif=exif), max_pixels=MOST)
    assert original_size(image) == (size[::-1] if orientation in (6, 8) else size)
    assert (image.size == original_size(image)) == (size == (64, 48))


def test_a_picture_from_elsewhere_is_as_it_was():
    assert original_size(Image.new("L", (7, 5))) == (7, 5)


@pytest.mark.parametrize(
    ("data", "tiny"),
    [
        (encode(quarters((28, 28))), True),
        (encode(quarters((32, 32))), True),
        (encode(quarters((33, 32))), False),
        (encode(quarters((28, 28)), "JPEG"), False),
        (encode(quarters((28, 28)))[:20], False),
        (encode(quarters((28, 28))) + bytes(1 << 14), False),
        (b"", False),
    ],
)
def test_what_is_tiny_is_known_by_its_bytes(data, tiny):
    assert is_tiny(data) == tiny


@pytest.mark.parametrize("at", [33, -12], ids=["before the picture", "behind it"])
@pytest.mark.parametrize(
    ("kind", "held", "tiny"),
    [
        (b"tEXt", b"Author\0Ada", True),
        (b"zTXt", b"Author\0\0" + zlib.compress(bytes(1_000_000)), False),
        (b"iTXt", b"Author\0\1\0\0\0" + zlib.compress(bytes(1_000_000)), False),
        (b"iCCP", b"mine\0\0" + zlib.compress(bytes(1_000_000)), False),
        (b"IHDR", struct.pack(">IIBBBBB", 7000, 7000, 1, 0, 0, 0, 0), False),
    ],
)
def test_a_tiny_picture_is_tiny_all_through(kind, held, tiny, at):
    png = encode(quarters((28, 28)))
    chunk = struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))
    assert is_tiny(png[:at] + chunk + png[at:]) == tiny
