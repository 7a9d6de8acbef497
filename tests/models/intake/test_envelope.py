"""Files of a million parts and no picture are refused before Pillow reads them; real ones are not."""

import io
import struct
import zlib
from collections.abc import Iterator

import pytest
from PIL import Image, PngImagePlugin

from models.intake import decode, envelope, ordinary

MOST = 50_000_000
SIZE = 1 << 20


def encode(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise((64, 64), 60).convert("P" if kind == "GIF" else "RGB").save(buffer, kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def text(size: int, *, compressed: bool = True, key: bytes = b"XML:com.adobe.xmp") -> bytes:
    """An iTXt of ``size`` bytes, the first a letter that Python holds all others as wide as."""
    held = "\N{GRINNING FACE}".encode().ljust(size, b"a")
    return chunk(b"iTXt", key + (b"\0\1\0\0\0" + zlib.compress(held) if compressed else b"\0\0\0\0\0" + held))


def profile(size: int) -> bytes:
    return chunk(b"iCCP", b"sRGB\0\0" + zlib.compress(bytes(size)))


def bmp(data: bytes) -> bytes:
    fields = (14 + 40 + 1024 + len(data), 0, 1078, 40, 7000, 7000, 1, 8, 1, len(data), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IIIIiiHHIIiiII", *fields) + bytes(1024) + data


def tiff(strips: int, order: str = "<") -> bytes:
    rows = [(256, 4, 1, 8), (257, 4, 1, strips), (273, 4, strips, 38), (279, 4, strips, 38)]
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, len(rows))
    return head + b"".join(struct.pack(order + "HHII", *row) for row in rows) + bytes(8 * strips)


def hostile() -> Iterator[tuple[str, bytes]]:
    jpeg, png, gif = encode("JPEG"), encode("PNG"), encode("GIF")
    exif = b"\xff\xe1\0\x0eExif\0\0MM\0*xx"
    table = 13 + 768
    yield "2,000 segments", jpeg[:2] + b"\xff\xe5\0\2" * (SIZE // 4) + jpeg[2:]
    yield "32 segments of EXIF", jpeg[:2] + exif * 40 + jpeg[2:]
    yield "65,536 bytes that belong to no segment", jpeg[:2] + b"\xff" * SIZE + jpeg[2:]
    yield "bytes that belong to no segment", jpeg[:2] + b"\0" * SIZE + jpeg[2:]
    yield "bytes that belong to no segment", jpeg[:2] + b"\xff" + b"\0" * SIZE
    yield "bytes that belong to no segment", jpeg[:2] + (b"\xff\xf0\xff\xff" + b"\xff\xd0" * 32_766) * 20 + jpeg[2:]
    yield "2,000 segments", jpeg[:2] + b"\xff\xd9" + b"\xff\xe5\0\2" * (SIZE // 4) + jpeg[2:]
    yield "20,000 chunks", png[:33] + chunk(b"abCd") * 30_000 + png[33:]
    yield "20,000 chunks", png[:-12] + chunk(b"IDAT") * 30_000 + png[-12:]
    yield "64 chunks of compressed metadata", png[:33] + profile(SIZE) * 65 + png[33:]
    yield "64 chunks of compressed metadata", png[:-12] + text(SIZE) * 65 + png[-12:]
    yield "64 chunks of compressed metadata", png[:33] + chunk(b"zTXt", b"\0\0" + zlib.compress(bytes(9))) * 65
    yield "20,000 blocks", gif[:table] + b"!\xfe\1x\0" * 30_000 + gif[table:]
    yield "20,000 blocks", gif[:table] + b"!\xfe" + b"\1x" * 30_000 + b"\0" + gif[table:]
    yield "bytes that belong to no block", gif[:table] + b"x" * SIZE + gif[table:]
    yield "65,536 strips", tiff(70_000)
    yield "65,536 strips", tiff(70_000, ">")
    yield "run-length coded bytes", bmp(b"\1\1" * (3 << 20))


@pytest.mark.parametrize(("told", "data"), list(hostile()))
def test_files_of_too_many_parts_are_refused_with_the_limit(told: str, data: bytes) -> None:
    with pytest.raises(decode.DecodeError, match=told) as refused:
        decode.decode(data, max_pixels=MOST)
    assert refused.value.code == "undecodable"
    assert "PNG" in refused.value.message or "without metadata" in refused.value.message


def real() -> Iterator[tuple[str, bytes]]:
    for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF"):
        yield kind, encode(kind)
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    yield "a JPEG with much EXIF", encode("JPEG", exif=exif)
    yield "a JPEG with an ICC profile in twenty segments", encode("JPEG", icc_profile=bytes(1_300_000))
    xmp = b"\xff\xe1\xff\xffhttp://ns.adobe.com/xmp/extension/\0" + bytes(65_498)
    jpeg = encode("JPEG")
    yield "a JPEG with 10 MiB of extended XMP", jpeg[:2] + xmp * 160 + jpeg[2:]
    png = encode("PNG")
    yield "a PNG in small chunks", png[:33] + chunk(b"tEXt", b"a\0b") * 5_000 + png[33:]
    yield "a PNG of an editor's own texts", png[:33] + text(3000, compressed=False) * 200 + png[33:]
    yield "a PNG with a profile, XMP and texts", encode("PNG", icc_profile=bytes(500_000), pnginfo=told())
    yield "a TIFF of a strip a row", encode("TIFF", tiffinfo={278: 1})


def told() -> PngImagePlugin.PngInfo:
    info = PngImagePlugin.PngInfo()
    info.add_itxt("XML:com.adobe.xmp", "x" * 50_000)
    for number in range(4):
        info.add_text(f"Raw profile {number}", "0" * 5_000, zip=True)
    return info


@pytest.mark.parametrize(("name", "data"), list(real()), ids=lambda value: value if isinstance(value, str) else "")
def test_what_cameras_and_editors_write_is_opened(name: str, data: bytes) -> None:
    assert envelope.objection(data) is None, name
    assert decode.decode(data, max_pixels=MOST).size == (64, 64)
    assert ordinary.is_ordinary(data) == data.startswith((b"\x89PNG", b"\xff\xd8"))


@pytest.mark.parametrize("metadata", [text(SIZE + 1), profile(SIZE + 1), chunk(b"tEXt", b"k\0" + bytes(65 * SIZE))])
def test_a_whole_png_of_more_metadata_than_is_read_is_not_called_damaged(metadata: bytes) -> None:
    png = encode("PNG")
    for data in (png[:33] + metadata + png[33:], png[:-12] + metadata + png[-12:]):
        with pytest.raises(decode.DecodeError, match="1 MiB in one compressed part, or 64 MiB of text in all") as told:
            decode.decode(data, max_pixels=MOST)
        assert told.value.message.endswith("save it anew, without metadata")
        assert "damaged" not in told.value.message


def test_what_a_png_holds_of_metadata_is_counted_by_what_pillow_keeps() -> None:
    png = encode("PNG")
    assert envelope.metadata_of_png(png) == (0, 0)
    for metadata, counted in (
        (profile(SIZE), (1, SIZE)),
        (chunk(b"zTXt", b"key\0\0"), (1, 2 * SIZE)),
        (text(SIZE), (1, 4 * SIZE)),
        (text(SIZE, key=b""), (1, 4 * SIZE)),
        (chunk(b"iTXt", b"key"), (1, 4 * SIZE)),
        (text(SIZE, compressed=False, key=b"k"), (0, 12 * (SIZE + 6))),
        (chunk(b"tEXt", b"key\0text"), (0, 0)),
    ):
        for data in (png[:33] + metadata + png[33:], png[:-12] + metadata + png[-12:]):
            assert envelope.metadata_of_png(data) == counted
            assert envelope.metadata_of_png(data[:-12]) == counted


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "TIFF", "BMP"])
def test_whatever_is_cut_off_or_empty_raises_nothing_here(kind: str) -> None:
    data = encode(kind)
    for end in [*range(60), len(data) // 2]:
        envelope.objection(data[:end])
    big = data[:2] + bytes(100)
    assert envelope.objection(big) is None


def test_bigtiff_is_counted_too() -> None:
    entries = struct.pack("<HHQQ", 273, 16, 70_000, 0)
    data = b"II+\0\x08\0\0\0" + struct.pack("<QQ", 16, 1) + entries + bytes(100)
    assert "65,536 strips" in str(envelope.objection(data))
