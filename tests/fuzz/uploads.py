"""Coverage-guided fuzzing of the way of a picture: ``make fuzz``, or ``python -m tests.fuzz.uploads -runs=100000``.

Bytes go through ``app.upload`` and, where that opens them, through ``auto``, both preparations, and the finder of
numbers. Anything raised but the declared errors ends the run with the input that did it; so does an input that takes
more than a second of the process's time. The corpus starts from small pictures of every format, made here. Options are
libFuzzer's; what was run is written to RECORD.
"""

from __future__ import annotations

import io
import json
import platform
import sys
import time
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import atheris
import numpy as np

with atheris.instrument_imports(include=["app", "models", "PIL"], enable_loader_override=False):
    import cv2
    import PIL
    import torch
    from PIL import Image, ImageDraw

    from app import upload
    from models import auto, picture, read
    from models.datasets import DATASETS

RECORD = Path(__file__).with_name("record.json")
CORPUS = Path("runs") / "fuzz"
LIMIT = 1.0  # seconds of one core
MAX_PIXELS = 50_000_000
EVERY = 5_000  # inputs between two records

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
    upload._register_heif()
    for kind in upload.FORMATS:
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


def one_input(data: bytes) -> None:
    """The whole way for one upload."""
    global slowest
    start = time.process_time()
    seen["inputs"] += 1
    try:
        image = upload.decode(data, max_pixels=MAX_PIXELS)
    except upload.UploadError as error:
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
    auto.decide(image)
    for dataset in DATASETS:
        try:
            prepared = picture.prepare(image, dataset).picture
        except picture.NothingFound:
            seen["nothing_found"] += 1
        else:
            assert (prepared.shape, prepared.dtype) == ((28, 28), np.uint8)
    try:
        for found in (one for line in read.find(image) for one in line):
            assert found.picture.shape == (28, 28)
    except picture.NothingFound:
        seen["no number"] += 1


def record() -> None:
    """What has been run so far."""
    told = {
        "what": "atheris on app.upload.decode, auto.decide, picture.prepare for both datasets, read.find",
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
    auto.decide(Image.linear_gradient("L"))  # loads the network: not the first input's time
    atheris.Setup(
        [sys.argv[0], "-max_len=6000", "-timeout=60", "-rss_limit_mb=6000", *sys.argv[1:], str(CORPUS)], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
