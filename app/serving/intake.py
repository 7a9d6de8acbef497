"""The intake as the service has it: `models.intake` with auto and gate of one folder, its errors as answers."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from app.errors import ApiError
from app.serving.state import State
from models.checkpoints import SUFFIX
from models.intake import auto, gate, pipeline
from models.intake.pipeline import Page
from models.intake.pipeline import Seen as Seen  # routes may not know models
from models.intake.steps import IntakeError

log = logging.getLogger(__name__)

Preparation = Literal["auto", "raw"]
Small = TypeVar("Small")


class Intake:
    """What is done with an upload before any network. `load` is called once, on a thread of its own; the rest may be
    called meanwhile, and works for milliseconds or tenths of a second: call it off the event loop.
    """

    def __init__(self) -> None:
        self.states = {name: State("loading") for name in ("auto", "gate")}
        self._pipeline = pipeline.Intake(None, None)

    def load(self, root: Path) -> None:
        """Load and warm auto and gate from `root`; without one of them the service goes on and says so."""
        self._pipeline = pipeline.Intake(self._load("auto", root, auto.load), self._load("gate", root, gate.load))
        self._pipeline.warm()

    def check_auto(self) -> None:
        """Raise ApiError where the dataset cannot be decided."""
        if self.states["auto"].state == "loading":
            raise ApiError("not_ready", "auto is still loading; try again shortly", retry_after=2)
        if self.states["auto"].state != "ready":
            raise ApiError("model_unavailable", pipeline.CANNOT_DECIDE)

    def see(self, data: bytes, dataset: str, max_pixels: int, preparation: Preparation = "auto") -> Seen:
        """Turn an upload into a picture for `dataset`, or for what auto decides; with `raw`, take its 28x28 as they
        are. Raises ApiError.
        """
        with _as_answers():
            return self._pipeline.see(data, dataset, max_pixels=max_pixels, raw=preparation == "raw")

    def read(self, data: bytes, max_pixels: int) -> Page:
        """The digits of a number on the picture in an upload. Raises ApiError."""
        with _as_answers():
            return self._pipeline.read(data, max_pixels=max_pixels)

    def _load(self, name: str, root: Path, load: Callable[[Path], Small]) -> Small | None:
        if not (root / f"{name}{SUFFIX}").exists():
            log.warning("%s is missing: there is no %s%s in the folder of checkpoints", name, name, SUFFIX)
            self.states[name] = State("missing", f"there is no {name}{SUFFIX} in the folder of checkpoints")
            return None
        try:
            loaded = load(root)
        except Exception as error:
            log.exception("%s cannot be loaded", name)
            self.states[name] = State("failed", f"{type(error).__name__} while loading {name}{SUFFIX}")
            return None
        self.states[name] = State("ready")
        return loaded


def decode(data: bytes, content_type: str | None, max_pixels: int) -> Image.Image:
    """The picture in an upload, mode L or RGB. Raises ApiError."""
    _check_declared(content_type)
    try:
        return decoder.decode(data, max_pixels=max_pixels)
    except decoder.DecodeError as error:
        raise ApiError(error.code, error.message) from error


def _check_declared(content_type: str | None) -> None:
    kind = (content_type or "").partition(";")[0].strip().lower()
    if kind and not kind.startswith("image/") and kind != "application/octet-stream":
        told = f"the declared type is {kind[:64]!r}"
        raise ApiError("unsupported_type", f"{told}; wanted image/* or application/octet-stream")


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
        lines = read.find(image, _judge_of_digits(), decoder.original_size(image))
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
    if (sent := decoder.original_size(image)) == image.size:
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
