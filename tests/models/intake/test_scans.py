"""Scans of a JPEG are counted as libjpeg reads them: all up to its end, none in metadata or in what follows."""

import io
import random
import struct
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from models.intake.decode import DecodeError, decode
from models.intake.envelope import SEGMENTS, objection, objection_to_scans

MOST = 50_000_000
SOS, EOI = b"\xff\xda", b"\xff\xd9"


def noise(size=(64, 48)):
    return Image.fromarray(np.random.default_rng(0).integers(0, 256, (*size[::-1], 3), dtype=np.uint8))


def encode(image, kind="JPEG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def exif_with_a_thumbnail():
    """EXIF that holds 300 scans' worth of a picture of its own, as far as the bytes tell."""
    exif = Image.Exif()
    exif[0x010F] = "a camera"
    return exif.tobytes() + encode(noise((32, 32))) + SOS * 300


def motion_photo(picture):
    """The picture, and a video behind it: boxes of MP4 with many bytes that look like scans."""
    media = random.Random(0).randbytes(200_000) + SOS * 5_000 + b"\xff\xd8\xff\xe1" + random.Random(1).randbytes(1000)
    return picture + b"\0\0\0\x18ftypmp42\0\0\0\0isommp42" + struct.pack(">I", 8 + len(media)) + b"mdat" + media


def gain_mapped(picture):
    """Two pictures in one file, as phones write those of a high dynamic range: format MPO to Pillow."""
    second = encode(noise((16, 16)), progressive=True)
    buffer = io.BytesIO()
    Image.open(io.BytesIO(picture)).save(
        buffer, "MPO", save_all=True, append_images=[Image.open(io.BytesIO(second))], quality=95
    )
    return buffer.getvalue()


ICC = (b"some colours" + SOS) * 45_000  # 630 kB, in ten segments
REAL = {
    "a large ICC profile": encode(noise(), icc_profile=ICC),
    "a large ICC profile, progressive": encode(noise(), icc_profile=ICC, progressive=True),
    "a thumbnail in EXIF": encode(noise(), exif=exif_with_a_thumbnail()),
    "a video behind it": motion_photo(encode(noise())),
    "a video behind it, progressive": motion_photo(encode(noise(), progressive=True)),
    "a second picture and a video behind it": motion_photo(gain_mapped(encode(noise()))),
    "a restart marker behind each block": encode(noise((640, 480)), restart_marker_blocks=1),
    "a comment of scans": encode(noise(), comment=SOS * 20_000),
}


@pytest.mark.parametrize("name", list(REAL))
def test_what_phones_and_editors_write_is_opened(name):
    data = REAL[name]
    with Image.open(io.BytesIO(data)) as image:
        wanted = image.convert("RGB")
    opened = decode(data, max_pixels=MOST)
    assert (opened.size, opened.tobytes()) == (wanted.size, wanted.tobytes())


def parts(**options):
    """A progressive JPEG, cut: what precedes its last scan, and the last scan."""
    data = encode(noise((16, 16)), progressive=True, quality=95, **options)
    cut = data.rindex(SOS)
    cut = data.rindex(b"\xff\xc4", 0, cut)  # its Huffman table
    return data[:cut], data[cut:-2]


def pixels(data):
    """What libjpeg makes of it, unlimited; None if it gives up."""
    try:
        with Image.open(io.BytesIO(data), formats=["JPEG"]) as image:
            image.load()
            return image.tobytes()
    except (OSError, SyntaxError, ValueError):
        return None


def refused(data):
    return objection(data) is not None or objection_to_scans(data, 10**9) is not None


FRAGMENTS = [
    b"",
    b"\0" * 50,
    b"\xff" * 50,
    b"\xff\0" * 5,
    b"\xff\x01",
    b"\xff\x02\xff\xff",
    b"\xff\xbf\xff\xff",
    b"\xff\xd0",
    b"\xff\xd3\xff\xff",
    b"\xff\xd8",
    b"\xff\xd8\xff\xff",
    b"\xff\xc8\xff\xff",
    b"\xff\xf0\xff\xff",
    b"\xff\xfd\xff\xff",
    b"\xff\xdc\0\4\0\x10",
    b"\xff\xdf\xff\xff",
    b"\xff\xde\xff\xff",
    b"\xff\xdd\0\4\0\1",
    b"\xff\xdd\xff\xff",
    b"\xff\xe1\0\0",
    b"\xff\xe1\0\1",
    b"\xff\xe1\0\2",
    b"\xff\xe1\0\x09",
    b"\xff\xfe\0\3x",
    b"\xff\xe2\xff\xff",
    b"\xff\xda\0\0",
    b"\xff\xda\xff\xff",
    b"\xff\xff\xff\xe1\0\2",
    EOI,
    EOI + b"\xff\xd8",
    b"\xff\xda\0\x08\1\1\0\0\x3f\0",
]


@settings(max_examples=200, deadline=None)
@given(
    st.integers(0, 1),
    st.lists(st.sampled_from(FRAGMENTS), min_size=1, max_size=4),
    st.floats(0, 1),
)
def test_no_scan_that_libjpeg_reads_is_hidden_from_the_count(restarts, fragments, place):
    head, scan = parts(restart_marker_blocks=restarts)
    first = head.index(SOS) + 14
    at = first + round(place * (len(head) - first))  # in a coded picture, in a table or between two scans
    broken = head[:at] + b"".join(fragments) + head[at:]
    endless = broken + scan * 2_500 + EOI  # 180 kB: more than one lying length steps over
    if pixels(endless) != pixels(broken + EOI):  # libjpeg did something with them
        assert refused(endless)


def test_scans_that_the_test_above_would_hide_change_the_picture():
    for restarts in (0, 1):
        head, scan = parts(restart_marker_blocks=restarts)
        assert pixels(head + scan * 200 + EOI) != pixels(head + EOI)
        assert refused(head + scan * 200 + EOI)
        assert not refused(head + scan + EOI)


@pytest.mark.parametrize("between", [b"", b"\xff\xd3\xff\xff", b"\xff" * 9, b"\xff\xe1\0\0", b"\xff\xe1\0\2", b"junk"])
def test_endless_scans_are_refused_whatever_stands_before_them(between):
    head, scan = parts()
    with pytest.raises(DecodeError, match=r"has 2\d\d scans; at most 100 are decoded at its size") as refusal:
        decode(head + between + scan * 200 + EOI, max_pixels=MOST)
    assert refusal.value.code == "undecodable"


def test_endless_scans_of_the_first_of_two_pictures_are_refused():
    head, scan = parts()
    two = gain_mapped(head + scan + EOI)
    directory = two[two.index(b"\xff\xe2") : two.index(b"\xff\xdb")]
    data = head[:2] + directory + head[2:] + scan * 200 + EOI + head + scan + EOI
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "MPO"
    with pytest.raises(DecodeError, match="scans; at most 100"):
        decode(data, max_pixels=MOST)


def test_scans_behind_the_end_are_neither_read_nor_counted():
    head, scan = parts()
    whole = head + scan + EOI
    assert pixels(head + EOI + scan) == pixels(head + EOI) != pixels(whole)
    assert decode(whole + scan * 200 + EOI, max_pixels=MOST).tobytes() == pixels(whole)


def test_more_segments_than_any_picture_has_are_refused():
    head, scan = parts()
    data = head + b"\xff\xfe\0\2" * (3 * SEGMENTS) + scan * 200 + EOI
    with pytest.raises(DecodeError, match=r"more than 4,000 segments; save the picture anew"):
        decode(data, max_pixels=MOST)


LARGE = 10 << 20
FULL = {
    "coded values": b"\x80\xff\0\x11" * (LARGE // 4),
    "fill bytes": b"\xff" * LARGE,
    "restarts": b"\xff\xd0" * (LARGE // 2),
    "reserved markers": b"\xff\x02" * (LARGE // 2),
    "empty segments": b"\xff\xfe\0\2" * (LARGE // 4),
    "lying lengths": b"\xff\xfe\0\0" * (LARGE // 4),
    "scans": SOS * (LARGE // 2),
    "ends": EOI * (LARGE // 2),
}


def timed(work, *arguments):
    start = time.process_time()
    work(*arguments)
    return time.process_time() - start


@pytest.mark.parametrize("name", list(FULL))
def test_ten_megabytes_of_anything_are_walked_faster_than_python_looks_at_each_byte(name):
    """By order: a walk that stopped at each of these marks would take several times as long."""
    head, scan = parts()
    data = head + FULL[name] + scan + EOI
    looked = timed(lambda: [None for byte in data if byte == 0x100])
    assert timed(objection_to_scans, data, 10**6) < looked
    assert timed(objection, head[:2] + FULL[name]) < looked
