"""What decoding holds is told before it is done, and is not less than it takes."""

import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.intake import decode
from models.intake.envelope import is_of_several_scans, pixels_of_jpeg
from models.intake.ordinary import USUAL, is_ordinary
from tests.models.intake.test_decode import encode, png, quarters
from tests.models.intake.test_envelope import chunk, profile, text

ROOT = Path(__file__).resolve().parents[3]
SIDE = 2000
TAKEN = """
import sys
from contextlib import nullcontext
from pathlib import Path
from models.intake import decode

def resident(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(name))

for path in sys.argv[1:]:
    data, told = Path(path).read_bytes(), []
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    decode.decode(data, max_pixels=10**8, holding=lambda amount: nullcontext(told.append(amount)))
    print(told[0], resident("VmHWM") - before)
"""


def with_(metadata: bytes) -> bytes:
    """A small PNG with more chunks behind its head."""
    small = encode(quarters())
    return small[:33] + metadata + small[33:]


def exif(size: int, kind: int, width: int) -> bytes:
    """EXIF of so many bytes, nearly all of which are one value: the orientation, as a list of numbers of a kind, each
    of so many bytes.
    """
    count = (size - 26) // width
    return b"MM\0*" + struct.pack(">LHHHLLL", 8, 1, 0x0112, kind, count, 26, 0) + bytes([0, 1]) * (count * width // 2)


def kinds() -> dict[str, bytes]:
    """Pictures of four megapixels, of which what is made of them takes the most, and of more."""
    row = np.linspace(0, 255, SIDE, dtype=np.uint8)
    grey = Image.fromarray(np.add.outer(row // 2, row // 2))
    colour = Image.merge("RGB", (grey, grey.rotate(90), grey.rotate(180)))
    seen = Image.merge("RGBA", (*colour.split(), grey))
    deep = Image.fromarray(np.asarray(grey).astype(np.uint16) * 200)
    return {
        "grey.png": encode(grey),
        "deep.png": encode(deep),
        "colour.png": encode(colour),
        "seen.png": encode(seen),
        "texts.png": with_(b"".join(text(1 << 20, key=b"%d" % number) for number in range(63))),
        "plain.png": with_(text(6 << 20, compressed=False)),
        "shorts.png": with_(chunk(b"eXIf", exif(4 << 20, 3, 2))),
        "fractions.png": with_(chunk(b"eXIf", exif(2 << 20, 5, 8))),
        "seen.webp": encode(seen, "WEBP", method=0),
        "seen.tif": encode(seen, "TIFF", compression="tiff_lzw"),
        "strip.tif": encode(colour, "TIFF", compression="tiff_lzw", tiffinfo={278: SIDE}),
        "palette.gif": encode(colour, "GIF"),
        "plain.jpg": encode(colour, "JPEG"),
        "scans.jpg": encode(colour.resize((4000, 4000)), "JPEG", progressive=True, subsampling=0),
        "planes.avif": encode(colour, "AVIF", speed=10, subsampling="4:4:4"),
        "planes.heic": encode(colour, "HEIF", quality=30),
    }


def test_no_picture_takes_more_than_is_told(tmp_path: Path) -> None:
    paths = []
    for name, data in kinds().items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(data)
    done = subprocess.run([sys.executable, "-c", TAKEN, *paths], capture_output=True, text=True, check=True, cwd=ROOT)
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        told, taken = map(int, line.split())
        assert taken <= told + (8 << 20), path.name  # what is loaded with the first of each format
        assert told < 80 * 4000 * 4000, path.name


@pytest.mark.parametrize(
    ("data", "ordinary"),
    [
        (encode(quarters()), True),
        (encode(quarters(), "JPEG"), True),
        (encode(quarters(), "JPEG", progressive=True), True),
        (png(4096, USUAL // 4096), True),
        (png(4097, USUAL // 4096), False),
        (encode(Image.new("L", (4100, 4100)), "JPEG"), False),
        *((encode(quarters(), kind), False) for kind in ("WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")),
        (with_(profile(1 << 20) + text(1 << 20) * 3), True),
        (with_(profile(1 << 20) * 17), False),
        (with_(text(1 << 20) * 5), False),
        (with_(text(2 << 20, compressed=False)), False),
        (with_(chunk(b"tEXt", b"key\0" + bytes(2 << 20))), True),
        (with_(chunk(b"eXIf", exif(1 << 19, 5, 8))), True),
        (with_(chunk(b"eXIf", exif(1 << 20, 5, 8))), False),
        (with_(chunk(b"abCd") * 30_000 + profile(1 << 20)), True),  # refused in a moment, wherever it is opened
        (b"\x89PNG\r\n\x1a\n", False),
        (b"hello", False),
    ],
)
def test_what_is_ordinary_is_known_by_its_head(data: bytes, ordinary: bool) -> None:
    assert is_ordinary(data) == ordinary


@pytest.mark.parametrize(("kind", "at"), [(b"IHDR", 33), (b"IHDR", -12), (b"tEXt", 8)])
def test_no_png_hides_its_size_from_who_looks_at_its_head(kind: bytes, at: int) -> None:
    """Pillow believes the last head, and takes other chunks before the first."""
    small = encode(quarters())
    held = struct.pack(">IIBBBBB", 6000, 6000, 1, 0, 0, 0, 0) if kind == b"IHDR" else struct.pack(">IIII", 1, 9, 9, 9)
    chunk = struct.pack(">I", len(held)) + kind + held + struct.pack(">I", zlib.crc32(kind + held))
    assert not is_ordinary(small[:at] + chunk + small[at:])


def test_the_scans_of_a_jpeg_are_told_from_its_head() -> None:
    plain, several = encode(quarters(), "JPEG"), encode(quarters(), "JPEG", progressive=True)
    assert (is_of_several_scans(plain), is_of_several_scans(several)) == (False, True)
    assert pixels_of_jpeg(plain) == pixels_of_jpeg(several) == 64 * 48
    scan = plain.index(b"\xff\xda")
    first_of_three = plain[: scan + 4] + b"\1" + plain[scan + 5 :]
    assert is_of_several_scans(first_of_three)
    for end in range(len(plain)):
        is_of_several_scans(plain[:end]), pixels_of_jpeg(plain[:end])


def test_holding_is_left_whatever_comes_of_it() -> None:
    held: list[int] = []

    class Holding:
        def __init__(self, amount: int) -> None:
            self.amount = amount

        def __enter__(self) -> None:
            held.append(self.amount)

        def __exit__(self, *_: object) -> None:
            held.append(-self.amount)

    decode.decode(encode(quarters()), max_pixels=10**6, holding=Holding)
    with pytest.raises(decode.DecodeError):
        decode.decode(encode(quarters(), "WEBP")[:-40], max_pixels=10**6, holding=Holding)
    assert sum(held) == 0
    assert held
