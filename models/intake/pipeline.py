"""The whole way of a picture before any network: decode, decide the dataset, prepare, judge; or find a number.

Whoever makes an Intake owns it: auto and gate come from one folder of checkpoints and are replaced with it.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from PIL import Image

from models.datasets import DATASETS, SIDE
from models.intake import decode, picture, read
from models.intake.auto import Auto
from models.intake.gate import Gate, Verdict
from models.intake.picture import Prepared
from models.intake.pixels import UInt8
from models.intake.steps import IntakeError, NothingFound, Step
from models.intake.thumbnail import thumbnail

CANNOT_DECIDE = "digit or clothing cannot be decided here; name the dataset: mnist or fashion-mnist"
RAW = Step("as it was sent", {"why": "prepare=raw"})


class CannotDecide(IntakeError):
    """There is no network that tells digits from clothing."""

    code = "model_unavailable"


class WrongForm(IntakeError):
    """The picture is said to need no preparation, and is not of the form that networks see."""

    code = "invalid_parameter"


@dataclass(frozen=True)
class Seen:
    """A prepared picture, uint8 [28, 28], and how it came about.

    ``dataset_confidence`` is None unless ``auto`` decided; ``as_it_was``: the picture was of the dataset's own kind
    already, or the request said so; ``verdict`` is None where there is no gate.
    """

    picture: UInt8
    dataset: str
    dataset_confidence: float | None
    decode_s: float
    auto_s: float
    prepare_s: float
    gate_s: float = 0.0
    steps: tuple[Step, ...] = ()
    as_it_was: bool = True
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Page:
    """The digits found on a picture, by line, and what finding them took."""

    lines: list[list[read.Found]]
    decode_s: float
    find_s: float


@dataclass(frozen=True)
class Intake:
    """``auto`` and ``gate`` may be missing: then the dataset must be named, and nothing is judged.

    Its methods work for milliseconds, or tenths of a second on a big photograph; safe to use from several threads.
    """

    auto: Auto | None
    gate: Gate | None

    def see(self, data: bytes, dataset: str, *, max_pixels: int, raw: bool = False) -> Seen:
        """Turn a file into a picture for ``dataset``, or for what auto decides ("auto"); with ``raw``, take its 28x28
        as they are. Raises IntakeError.
        """
        times = [time.perf_counter()]

        def took() -> float:
            times.append(time.perf_counter())
            return times[-1] - times[-2]

        image = decode.decode(data, max_pixels=max_pixels)
        pixels = np.asarray(image)
        decode_s = took()
        small, chosen, confidence = None, dataset, None
        if dataset == "auto":
            small = thumbnail(pixels)
            chosen, confidence = self._decide(small)
        auto_s = took()
        prepared = _raw(image) if raw else picture.prepare_pixels(pixels, chosen)
        prepare_s = took()
        verdict = None
        if self.gate is not None:
            verdict = self.gate.judge(thumbnail(pixels) if small is None else small, prepared.picture, chosen)
        gate_s = took()
        return Seen(
            prepared.picture,
            chosen,
            confidence,
            decode_s,
            auto_s,
            prepare_s,
            gate_s,
            steps=(*_shrunk(image), *prepared.steps),
            as_it_was=prepared.as_it_was or raw,
            verdict=verdict,
        )

    def read(self, data: bytes, *, max_pixels: int) -> Page:
        """The digits of a number on the picture in a file. Raises IntakeError."""
        start = time.perf_counter()
        image = decode.decode(data, max_pixels=max_pixels)
        decoded = time.perf_counter()
        judge = None if self.gate is None else partial(self.gate.judge_all, dataset="mnist")
        lines = read.find_digits(image, judge, decode.original_size(image))
        return Page(lines, decoded - start, time.perf_counter() - decoded)

    def warm(self) -> None:
        """Do everything once, so that no request waits for what is slow the first time."""
        cv2.setNumThreads(1)  # each picture has a thread of its own; OpenCV's would only get in their way
        small = thumbnail(np.asarray(Image.linear_gradient("L")))
        if self.auto is not None:
            self.auto.decide_by(small)
        for dataset in DATASETS:
            with suppress(NothingFound):  # OpenCV's first segmentation takes 80 ms, all others 10
                picture.prepare(Image.effect_noise((96, 96), 80).convert("RGB"), dataset)
            if self.gate is not None:
                self.gate.judge(small, np.zeros((SIDE, SIDE), np.uint8), dataset)

    def _decide(self, small: UInt8) -> tuple[str, float]:
        if self.auto is None:
            raise CannotDecide(CANNOT_DECIDE)
        return self.auto.decide_by(small)


def _shrunk(image: Image.Image) -> tuple[Step, ...]:
    if (original := decode.original_size(image)) == image.size:
        return ()
    return (Step("shrink while decoding", {"from": list(original), "size": list(image.size)}),)


def _raw(image: Image.Image) -> Prepared:
    if image.size != (SIDE, SIDE):
        told = f"the picture has {image.width}x{image.height} pixels"
        right = "with prepare=raw it should have 28x28, bright on black as the dataset's own; prepare=auto takes any"
        raise WrongForm(f"{told}; {right}")
    grey = np.array(image.convert("L"))
    if grey.min() == grey.max():
        raise NothingFound(f"the picture is blank: all of its pixels are {int(grey.min())}")
    return Prepared(grey, (RAW,))
