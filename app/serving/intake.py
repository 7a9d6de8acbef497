"""From the bytes of an upload to the picture that the networks see: decode, decide the dataset, prepare, judge."""

import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.errors import ApiError
from models.checkpoints import CheckpointError
from models.datasets import DATASETS, SIDE
from models.intake import auto, gate, picture, read
from models.intake import decode as decoder
from models.intake.gate import Verdict
from models.intake.picture import Prepared, Step
from models.intake.read import Found as Found

Preparation = Literal["auto", "raw"]
RAW = Step("as it was sent", {"why": "prepare=raw"})


@dataclass(frozen=True)
class Seen:
    """A prepared picture, uint8 [28, 28], and how it came about.

    `dataset_confidence` is None unless `auto` decided; `as_it_was`: the picture was of the dataset's own kind already,
    or the request said so; `verdict` is None where the gate's checkpoint cannot be had.
    """

    picture: NDArray[np.uint8]
    dataset: str
    dataset_confidence: float | None
    decode_s: float
    auto_s: float
    prepare_s: float
    gate_s: float = 0.0
    steps: tuple[Step, ...] = ()
    as_it_was: bool = True
    verdict: Verdict | None = None


def decode(data: bytes, content_type: str | None, max_pixels: int) -> Image.Image:
    """The picture in an upload, mode L or RGB. Raises ApiError."""
    try:
        return decoder.decode(data, max_pixels=max_pixels, content_type=content_type)
    except decoder.UploadError as error:
        raise ApiError(error.code, error.message) from error


def look(
    data: bytes, content_type: str | None, dataset: str, max_pixels: int, preparation: Preparation = "auto"
) -> Seen:
    """Turn an upload into a picture for `dataset`, or for what `auto` decides; with `raw`, take its 28x28 as they are.

    Works for milliseconds, or tenths of a second on a big photograph: call it off the event loop. Raises ApiError.
    """
    start = time.perf_counter()
    image = decode(data, content_type, max_pixels)
    decoded = time.perf_counter()
    chosen, confidence = _decide(image) if dataset == "auto" else (dataset, None)
    decided = time.perf_counter()
    prepared = _raw(image) if preparation == "raw" else _prepare(image, chosen)
    done = time.perf_counter()
    verdict = _judge(image, prepared.picture, chosen)
    return Seen(
        prepared.picture,
        chosen,
        confidence,
        decode_s=decoded - start,
        auto_s=decided - decoded,
        prepare_s=done - decided,
        gate_s=time.perf_counter() - done,
        steps=(*_shrunk(image), *prepared.steps),
        as_it_was=prepared.as_it_was or preparation == "raw",
        verdict=verdict,
    )


@dataclass(frozen=True)
class Page:
    """The digits found on a picture, by line, and what finding them took."""

    lines: list[list[Found]]
    decode_s: float
    find_s: float


def find(data: bytes, content_type: str | None, max_pixels: int) -> Page:
    """The digits of a number on the picture in an upload; as slow as `look`. Raises ApiError."""
    start = time.perf_counter()
    image = decode(data, content_type, max_pixels)
    decoded = time.perf_counter()
    try:
        lines = read.find(image, _judge_of_digits(), decoder.sent_size(image))
    except picture.NothingFound as error:
        raise ApiError("nothing_found", str(error)) from error
    return Page(lines, decoded - start, time.perf_counter() - decoded)


def _judge_of_digits() -> read.Judge | None:
    try:
        gate.load(gate.path())
    except (CheckpointError, OSError):  # /readyz says why; digits that touch are told by their width then
        return None
    return partial(gate.judge_all, dataset="mnist")


def _warm_auto() -> None:
    cv2.setNumThreads(1)  # each picture has a thread of the pool already; OpenCV's own would only get in their way
    if not auto.path().exists():
        raise FileNotFoundError(auto.path())
    auto.decide(Image.linear_gradient("L"))
    for dataset in DATASETS:  # OpenCV's first segmentation takes 80 ms, all others 10
        with suppress(picture.NothingFound):
            picture.prepare(Image.effect_noise((96, 96), 80).convert("RGB"), dataset)


def _warm_gate() -> None:
    if not gate.path().exists():
        raise FileNotFoundError(gate.path())
    for dataset in gate.KINDS:
        gate.judge(Image.linear_gradient("L"), np.zeros((SIDE, SIDE), np.uint8), dataset)


# The small networks of the intake: what loads each, so that no request waits for it. They raise FileNotFoundError, or
# CheckpointError.
WARM: Mapping[str, Callable[[], None]] = MappingProxyType({"auto": _warm_auto, "gate": _warm_gate})


def _decide(image: Image.Image) -> tuple[str, float | None]:
    try:
        return auto.decide(image)
    except (CheckpointError, OSError) as error:
        message = "digit or clothing cannot be decided here; name the dataset: mnist or fashion-mnist"
        raise ApiError("model_unavailable", message) from error


def _prepare(image: Image.Image, dataset: str) -> Prepared:
    try:
        return picture.prepare(image, dataset)
    except picture.NothingFound as error:
        raise ApiError("nothing_found", str(error)) from error


def _shrunk(image: Image.Image) -> tuple[Step, ...]:
    if (sent := decoder.sent_size(image)) == image.size:
        return ()
    return (Step("shrink while decoding", {"from": list(sent), "size": list(image.size)}),)


def _raw(image: Image.Image) -> Prepared:
    if image.size != (SIDE, SIDE):
        told = f"the picture has {image.width}x{image.height} pixels"
        right = "with prepare=raw it should have 28x28, bright on black as the dataset's own; prepare=auto takes any"
        raise ApiError("invalid_parameter", f"{told}; {right}")
    grey = np.array(image.convert("L"))
    if grey.min() == grey.max():
        raise ApiError("nothing_found", f"the picture is blank: all of its pixels are {int(grey.min())}")
    return Prepared(grey, (RAW,))


def _judge(image: Image.Image, prepared: NDArray[np.uint8], dataset: str) -> Verdict | None:
    try:
        return gate.judge(image, prepared, dataset)
    except (CheckpointError, OSError):  # /readyz says why; the networks answer all the same
        return None
