"""Coverage-guided fuzzing of the way of a picture: ``make fuzz``, or ``python -m tests.fuzz.uploads -runs=100000``.

Bytes go through ``intake.decode`` and, where that opens them, through ``auto``, both preparations, the gate, and the
finder of numbers. Anything raised but the declared errors ends the run with the input that did it; so does an input
that takes more than a second of the process's time. The corpus starts from small pictures of every format, made here,
and from patterns that are dear to look at. Options are libFuzzer's; what was run is written to RECORD.
"""

from __future__ import annotations

import io
import json
import platform
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["app", "models", "PIL"], enable_loader_override=False):
    import cv2
    import PIL
    import torch
    from PIL import Image, ImageDraw

    from models import checkpoints
    from models.datasets import DATASETS
    from models.intake import auto, decode, gate, picture, read
    from models.intake.pipeline import Intake
    from models.intake.steps import NothingFound
    from models.intake.thumbnail import thumbnail

RECORD = Path(__file__).with_name("record.json")
CORPUS = Path("runs") / "fuzz"
LIMIT = 1.0  # seconds of one core
EVERY = 5_000  # inputs between two records

DECIDES, JUDGES = auto.load(checkpoints.root()), gate.load(checkpoints.root())
JUDGE = partial(JUDGES.judge_all, dataset="mnist")

seen: Counter[str] = Counter()
slowest = 0.0


def seeds(folder: Path) -> None:
    """Small pictures of every format and mode."""
    folder.mkdir(parents=True, exist_ok=True)
    image = Image.new("RGB", (40, 30), (230, 225, 220))
    ImageDraw.Draw(image).line([(8, 6), (28, 6), (14, 25)], (30, 30, 60), 3)
    shades = {"RGB": image, "L": image.convert("L"), "RGBA": image.convert("RGBA"), "P": image.convert("P")}
    shades |= {"1": image.convert("1"), "CMYK": image.convert("CMYK"), "LA": image.convert("LA")}
    shades["I;16"] = Image.fromarray(np.asarray(shades["L"]).astype(np.uint16) * 200)
    exif = Image.Exif()
    exif[0x0112] = 6
    decode.register_heif()
    for kind in decode.FORMATS:
        for mode, shade in shades.items():
            buffer = io.BytesIO()
            try:
                shade.save(buffer, kind, **({"exif": exif} if mode == "RGB" and kind in ("JPEG", "PNG") else {}))
            except (OSError, ValueError, KeyError):  # a mode that the format does not have
                continue
            (folder / f"{kind}-{mode.replace(';', '')}").write_bytes(buffer.getvalue())
    shades["RGB"].save(folder / "JPEG-progressive", "JPEG", progressive=True)
    shades["P"].save(folder / "GIF-animated", "GIF", save_all=True, append_images=[shades["P"].rotate(90)])
    shades["RGB"].save(folder / "TIFF-packed", "TIFF", compression="packbits")
    for name, pixels in _patterns().items():
        Image.fromarray(pixels).save(folder / f"PNG-{name}", "PNG")


def _patterns() -> dict[str, np.ndarray]:
    """What is dear for the intake: many marks, marks that may be many digits, large areas of two colours."""
    y, x = np.mgrid[0:160, 0:160]
    inked = {
        "dashes": (y % 12 < 2) & (x % 80 < 72),
        "combs": (y % 24 < 4) | ((y % 24 < 16) & (x % 8 < 3)),
        "grid": (y % 30 < 2) | (x % 30 < 2),
        "frames": np.minimum(np.minimum(x, y), 159 - np.maximum(x, y)) % 40 < 6,
        "dots": (y % 20 < 6) & (x % 20 < 6),
        "chequerboard": (x // 20 + y // 20) % 2 > 0,
    }
    return {name: np.where(where, 0, 255).astype(np.uint8) for name, where in inked.items()}


def one_input(data: bytes) -> None:
    """The whole way for one upload."""
    global slowest
    start = time.process_time()
    seen["inputs"] += 1
    try:
        image = decode.decode(data, max_pixels=decode.MAX_PIXELS)
    except decode.DecodeError as error:
        seen[error.code] += 1
    else:
        seen["opened"] += 1
        _look(image)
    took = time.process_time() - start
    slowest = max(slowest, took)
    if seen["inputs"] % EVERY == 0:
        record()
    if took > LIMIT:
        raise TimeoutError(f"{took:.2f} s for {len(data)} bytes")


def _look(image: Image.Image) -> None:
    pixels = np.asarray(image)
    sent = thumbnail(pixels)
    DECIDES.decide_by(sent)
    for dataset in DATASETS:
        try:
            prepared = picture.prepare_pixels(pixels, dataset).picture
        except NothingFound:
            seen["nothing_found"] += 1
        else:
            assert (prepared.shape, prepared.dtype) == ((28, 28), np.uint8)
            assert 0 <= JUDGES.judge(sent, prepared, dataset).score <= 1
    try:
        for found in (one for line in read.find_digits(image, JUDGE, decode.original_size(image)) for one in line):
            assert found.picture.shape == (28, 28)
            assert found.verdict is not None
    except NothingFound:
        seen["no number"] += 1


def record() -> None:
    """What has been run so far."""
    told = {
        "what": "atheris on decode, auto, picture.prepare and the gate for both datasets, read.find_digits",
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, 1 core, Python {platform.python_version()}",
        "versions": {"pillow": PIL.__version__, "opencv": cv2.__version__, "torch": torch.__version__},
        "counts": dict(seen),
        "slowest_s": round(slowest, 3),
        "corpus": len(list(CORPUS.iterdir())),
    }
    RECORD.write_text(json.dumps(told, indent=1) + "\n")


def main() -> None:
    """Run until libFuzzer's limits; its options are the command line's."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    seeds(CORPUS)
    Intake(DECIDES, JUDGES).warm()  # not the first input's time
    # Atheris keeps some 50 kB for each input (the same inputs without it leave the memory flat), hence its limit.
    atheris.Setup(
        [sys.argv[0], "-max_len=6000", "-timeout=60", "-rss_limit_mb=14000", *sys.argv[1:], str(CORPUS)], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
