"""The whole way of a picture before any network: decode, decide the dataset, prepare, judge; or find a number.

Whoever makes an Intake owns it: auto and gate come from one folder of checkpoints and are replaced with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
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
from models.intake.steps import IntakeError, NothingFound, Step, given
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
class Asked:
    """A file, and for which dataset it is to be seen, or "auto"; ``raw``: its 28x28 are taken as they are."""

    data: bytes
    dataset: str
    raw: bool = False


@dataclass
class _Sight:
    """A picture on its way: what is known of it so far, and the seconds of each step."""

    asked: Asked
    image: Image.Image
    pixels: UInt8
    dataset: str
    took: dict[str, float]
    small: UInt8 | None = None
    confidence: float | None = None
    prepared: Prepared | None = None
    verdict: Verdict | None = None


@dataclass(frozen=True)
class Intake:
    """``auto`` and ``gate`` may be missing: then the dataset must be named, and nothing is judged. ``decoder`` opens
    the files.

    Its methods work for milliseconds, or tenths of a second on a big photograph; safe to use from several threads.
    """

    auto: Auto | None
    gate: Gate | None
    decoder: decode.Decoder = decode.decode

    def see(self, data: bytes, dataset: str, *, max_pixels: int, raw: bool = False) -> Seen:
        """Turn a file into a picture for ``dataset``, or for what auto decides ("auto"); with ``raw``, take its 28x28
        as they are. Raises IntakeError.
        """
        return given(self.see_all([Asked(data, dataset, raw)], max_pixels=max_pixels)[0])

    def see_all(self, asked: Sequence[Asked], *, max_pixels: int) -> list[Seen | Exception]:
        """The same of several files, which auto and the gate see at once; the error in its place where one fails.

        The time of what is done at once is told with each of them.
        """
        sights = [_tried(_decoded, one, self.decoder, max_pixels) for one in asked]
        self._decide([sight for sight in _well(sights) if sight.dataset == "auto"])
        sights = [_tried(_prepared, sight) if isinstance(sight, _Sight) else sight for sight in sights]
        self._judge(_well(sights))
        try:
            return [_seen(sight) if isinstance(sight, _Sight) else sight for sight in sights]
        finally:
            sights.clear()  # see given()

    def read(self, data: bytes, *, max_pixels: int) -> Page:
        """The digits of a number on the picture in a file. Raises IntakeError."""
        start = time.perf_counter()
        image = self.decoder(data, max_pixels=max_pixels)
        decoded = time.perf_counter()
        judge = None if self.gate is None else partial(self.gate.judge_all, dataset="mnist")
        lines = read.find_digits(image, judge, decode.original_size(image))
        return Page(lines, decoded - start, time.perf_counter() - decoded)

    def warm(self) -> None:
        """Do everything once, so that no request waits for what is slow the first time."""
        decode.register_heif()
        Image.preinit()  # Pillow imports the decoders of PNG and JPEG when the first picture is opened: 40 ms
        cv2.setNumThreads(1)  # each picture has a thread of its own; OpenCV's would only get in their way
        small = thumbnail(np.asarray(Image.linear_gradient("L")))
        if self.auto is not None:
            self.auto.decide_by(small)
        for dataset in DATASETS:
            with suppress(NothingFound):  # OpenCV's first segmentation takes 80 ms, all others 10
                picture.prepare(Image.effect_noise((96, 96), 80).convert("RGB"), dataset)
            if self.gate is not None:
                self.gate.judge(small, np.zeros((SIDE, SIDE), np.uint8), dataset)

    def _decide(self, sights: Sequence[_Sight]) -> None:
        """Let auto say what those pictures are whose dataset is not named."""
        if not sights or self.auto is None:
            return
        start = time.perf_counter()
        small = np.stack([_thumbnail(sight) for sight in sights])
        for sight, (dataset, confidence) in zip(sights, self.auto.decide_all(small), strict=True):
            sight.dataset, sight.confidence = dataset, confidence
        _tell(sights, "auto", start)

    def _judge(self, sights: Sequence[_Sight]) -> None:
        """Let the gate say of each whether it is of its dataset's kind."""
        if self.gate is None:
            return
        for dataset in {sight.dataset for sight in sights}:
            start = time.perf_counter()
            own = [sight for sight in sights if sight.dataset == dataset]
            pictures = [sight.prepared.picture for sight in own if sight.prepared]
            verdicts = self.gate.judge_all([_thumbnail(sight) for sight in own], pictures, dataset)
            for sight, verdict in zip(own, verdicts, strict=True):
                sight.verdict = verdict
            _tell(own, "gate", start)


def _tried(step: Callable[..., _Sight], *arguments: object) -> _Sight | Exception:
    """What a step makes of a picture, or the error in its place: whatever is wrong with one, the others are seen."""
    try:
        return step(*arguments)
    except Exception as error:
        return error


def _well(sights: Sequence[_Sight | Exception]) -> list[_Sight]:
    return [sight for sight in sights if isinstance(sight, _Sight)]


def _decoded(asked: Asked, decoder: decode.Decoder, max_pixels: int) -> _Sight:
    start = time.perf_counter()
    image = decoder(asked.data, max_pixels=max_pixels)
    sight = _Sight(asked, image, np.asarray(image), asked.dataset, {})
    _tell([sight], "decode", start)
    return sight


def _prepared(sight: _Sight) -> _Sight:
    if sight.dataset == "auto":
        raise CannotDecide(CANNOT_DECIDE)
    start = time.perf_counter()
    raw = sight.asked.raw
    sight.prepared = _raw(sight.image) if raw else picture.prepare_pixels(sight.pixels, sight.dataset)
    _tell([sight], "prepare", start)
    return sight


def _thumbnail(sight: _Sight) -> UInt8:
    """Of a picture, made when it is first looked at."""
    if sight.small is None:
        sight.small = thumbnail(sight.pixels)
    return sight.small


def _tell(sights: Sequence[_Sight], step: str, start: float) -> None:
    took = time.perf_counter() - start
    for sight in sights:
        sight.took[step] = took


def _seen(sight: _Sight) -> Seen:
    prepared = sight.prepared
    assert prepared is not None
    return Seen(
        prepared.picture,
        sight.dataset,
        sight.confidence,
        sight.took["decode"],
        sight.took.get("auto", 0.0),
        sight.took["prepare"],
        sight.took.get("gate", 0.0),
        steps=(*_shrunk(sight.image), *prepared.steps),
        as_it_was=prepared.as_it_was or sight.asked.raw,
        verdict=sight.verdict,
    )


def _shrunk(image: Image.Image) -> tuple[Step, ...]:
    if (original := decode.original_size(image)) == image.size:
        return ()
    return (Step("shrink while decoding", {"from": list(original), "size": list(image.size)}),)


def _raw(image: Image.Image) -> Prepared:
    if image.size != (SIDE, SIDE):
        width, height = decode.original_size(image)
        told = f"the picture has {width}x{height} pixels"
        right = "with prepare=raw it should have 28x28, bright on black as the dataset's own; prepare=auto takes any"
        raise WrongForm(f"{told}; {right}")
    grey = np.array(image.convert("L"))
    if grey.min() == grey.max():
        raise NothingFound(f"the picture is blank: all of its pixels are {int(grey.min())}")
    return Prepared(grey, (RAW,))
