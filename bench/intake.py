"""What the intake costs: ``make bench-intake``, or ``python -m bench.intake``.

Milliseconds of one core from the bytes of an upload to the picture that the networks see: decoding 12 megapixels in
each format, deciding digit or clothing, preparing pictures of several kinds, judging them. The picture is made here: a
scene of soft shapes with a camera's noise, since what is smooth decodes faster. Written to RECORD.
"""

from __future__ import annotations

import io
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw

from bench import machine
from models import checkpoints
from models.checkpoints import atomic
from models.compiled import small
from models.data.code_digest import code_digest
from models.evaluation.circumstances import circumstances
from models.intake import decode, picture
from models.intake.auto import ANSWERS, Auto
from models.intake.gate import KINDS, Gate
from models.intake.thumbnail import thumbnail

RECORD = Path(__file__).with_name("intake.json")
CODE = "models.intake.pipeline"
MEGAPIXELS = 4000, 3000
RUNS = 9
FORMATS = {
    "JPEG, baseline": ("JPEG", {"quality": 90}),
    "JPEG, baseline, 4:4:4": ("JPEG", {"quality": 92, "subsampling": 0}),
    "JPEG, progressive": ("JPEG", {"quality": 90, "progressive": True}),
    "PNG": ("PNG", {"compress_level": 3}),
    "WebP": ("WEBP", {"quality": 85, "method": 0}),
    "GIF": ("GIF", {}),
    "BMP": ("BMP", {}),
    "TIFF": ("TIFF", {}),
    "AVIF": ("AVIF", {"quality": 70, "speed": 9}),
    "HEIC": ("HEIF", {"quality": 70}),
}


def scene(size: tuple[int, int]) -> Image.Image:
    """Soft shapes of many colours with a camera's noise, mode RGB."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    large = cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC).astype(np.int16)
    noise = rng.normal(0, 6, (size[1], size[0], 1)).astype(np.int16)
    return Image.fromarray(np.clip(large + noise, 0, 255).astype(np.uint8))


def drawing(size: tuple[int, int], line: int) -> Image.Image:
    """A thin 7 on white, off-centre, mode RGB."""
    image = Image.new("RGB", size, "white")
    width, height = size
    corners = [(0.5 * width, 0.2 * height), (0.75 * width, 0.2 * height), (0.6 * width, 0.7 * height)]
    ImageDraw.Draw(image).line(corners, fill="black", width=line)
    return image


def shirt(size: tuple[int, int], ground: Image.Image | str) -> Image.Image:
    """A shirt of one colour on ``ground``, mode RGB."""
    image = Image.new("RGB", size, ground) if isinstance(ground, str) else ground.resize(size)
    outline = [(0.3, 0.1), (0.7, 0.1), (0.95, 0.3), (0.85, 0.42), (0.72, 0.33), (0.72, 0.9)]
    outline += [(0.28, 0.9), (0.28, 0.33), (0.15, 0.42), (0.05, 0.3)]
    ImageDraw.Draw(image).polygon([(x * size[0], y * size[1]) for x, y in outline], fill=(30, 60, 120))
    return image


def timed(work: Callable[[], object]) -> dict[str, float]:
    """Median and most of RUNS calls after one, in milliseconds of the process's time."""
    work()
    spent = []
    for _ in range(RUNS):
        start = time.process_time()
        work()
        spent.append(1e3 * (time.process_time() - start))
    return {"median": round(float(np.median(spent)), 3), "most": round(max(spent), 3)}


def decoding() -> dict[str, dict[str, float]]:
    """Of the scene of 12 megapixels in each format."""
    decode.register_heif()
    large, figures = scene(MEGAPIXELS), {}
    for name, (kind, options) in FORMATS.items():
        file = io.BytesIO()
        large.save(file, kind, **options)
        data = file.getvalue()
        figures[name] = {"megabytes": round(len(data) / 1e6, 1)} | timed(
            lambda data=data: decode.decode(data, max_pixels=decode.MAX_PIXELS)  # type: ignore[misc]
        )
    return figures


def preparing() -> dict[str, dict[str, float]]:
    """Pictures of several kinds, by what they are."""
    own = picture.prepare(drawing((300, 240), 12), "mnist").picture
    kinds = {
        "28x28 of the dataset's kind": (Image.fromarray(own), "mnist"),
        "28x28, dark on white": (Image.fromarray(255 - own), "mnist"),
        "a scan of 16x16": (Image.fromarray(cv2.resize(own, (16, 16), interpolation=cv2.INTER_AREA)), "mnist"),
        "a line on a canvas of 1050x800": (drawing((1050, 800), 4), "mnist"),
        "a digit on a sheet of 1000x750, on a desk": (_on_a_desk(), "mnist"),
        "clothing on plain ground, 600x800": (shirt((600, 800), "white"), "fashion-mnist"),
        "clothing on a busy ground, 600x800": (shirt((600, 800), scene((600, 800))), "fashion-mnist"),
    }
    return {
        name: timed(lambda image=image, dataset=dataset: picture.prepare(image, dataset))  # type: ignore[misc]
        for name, (image, dataset) in kinds.items()
    }


def _on_a_desk() -> Image.Image:
    desk = Image.new("RGB", (1000, 750), (70, 60, 50))
    desk.paste(drawing((700, 560), 6), (150, 95))
    return desk


def judging() -> dict[str, dict[str, float]]:
    """The thumbnail of the line on a canvas, made once, and the two small networks that see it."""
    pixels = np.asarray(drawing((1050, 800), 4))
    sent, seen = thumbnail(pixels), picture.prepare_pixels(pixels, "mnist").picture
    folder = checkpoints.root()
    decides, judges = Auto(small.load_auto(folder, ANSWERS)), Gate(small.load_gate(folder, KINDS))
    return {
        "thumbnail": timed(lambda: thumbnail(pixels)),
        "auto: digit or clothing": timed(lambda: decides.decide_by(sent)),
        "the gate: neither": timed(lambda: judges.judge(sent, seen, "mnist")),
    }


def measured_of() -> dict[str, str]:
    """The checkpoints and the code that are timed, with the digest of each, as `tools.unchanged` reads them."""
    folder = checkpoints.root()
    paths = {name: folder / f"{name}{checkpoints.SUFFIX}" for name in ("auto", "gate")}
    of = {name: str(checkpoints.read_header(path)["digest"]) for name, path in paths.items()}
    return {**of, CODE: code_digest(CODE)}


def main() -> None:
    """Measure, print and record, once no other measurement runs."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    with machine.alone():
        about = circumstances(torch.device("cpu")) | machine.now() | {"of": measured_of()}
        parts = {"decode, 12 megapixels": decoding(), "prepare": preparing(), "judge": judging()}
    for part, figures in parts.items():
        for name, told in figures.items():
            print(f"{part:22} {name:42} {told['median']:8.2f} ms, at most {told['most']:.2f}")
    atomic.write_json(RECORD, {**about, "runs": RUNS, "ms": parts})


if __name__ == "__main__":
    main()
