"""The intake as the service has it: `models.intake` with auto and gate of one folder, its errors as answers."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Literal, TypeVar

from app.errors import ApiError
from app.serving.decoders import Decoders
from app.serving.state import State, failed
from app.settings import cores
from models.checkpoints import SUFFIX, CheckpointError, is_there
from models.compiled import small
from models.intake import decode, pipeline
from models.intake.auto import ANSWERS, Auto
from models.intake.gate import KINDS, Gate
from models.intake.pipeline import Asked, Page
from models.intake.pipeline import Seen as Seen  # routes may not know models
from models.intake.steps import IntakeError

log = logging.getLogger(__name__)

Preparation = Literal["auto", "raw"]
Small = TypeVar("Small")


class Intake:
    """What is done with an upload before any network. `load` is called once, on a thread of its own; the rest may be
    called meanwhile, and works for milliseconds or tenths of a second: call it off the event loop.
    """

    def __init__(self, decoders: Decoders | None = None) -> None:
        self._decoders = decoders  # its own from here on; None: everything is decoded on the thread that asks
        self.states = {name: State("loading") for name in ("auto", "gate")}
        self._pipeline = pipeline.Intake(None, None, decoders or decode.decode)

    def load(self, root: Path) -> None:
        """Load and warm auto and gate from `root`; without one of them the service goes on and says so."""
        if self._decoders is not None:
            self._decoders.start()
        threads = min(2, cores())  # pictures are seen in turn or together, while a core has nothing else to do
        decides, auto_state = _loaded(
            "auto", root, lambda folder: Auto(small.load_auto(folder, ANSWERS, threads=threads))
        )
        judges, gate_state = _loaded("gate", root, lambda folder: Gate(small.load_gate(folder, KINDS, threads=threads)))
        ready = pipeline.Intake(decides, judges, self._decoders or decode.decode)
        try:
            ready.warm()
        except Exception as error:
            self.states.update(dict.fromkeys(self.states, failed(error, root)))
            raise
        self._pipeline = ready  # before the states say so: others look at them meanwhile
        self.states.update(auto=auto_state, gate=gate_state)

    def again(self) -> "Intake":
        """Another, not loaded yet, which has the same decoders; one of the two is closed."""
        return Intake(self._decoders)

    def close(self) -> None:
        """End what decodes elsewhere, once nothing is at work."""
        if self._decoders is not None:
            self._decoders.close()

    def check_auto(self) -> None:
        """Raise ApiError where the dataset cannot be decided."""
        check_auto(self.states)

    def see(self, data: bytes, dataset: str, max_pixels: int, preparation: Preparation = "auto") -> Seen:
        """Turn an upload into a picture for `dataset`, or for what auto decides; with `raw`, take its 28x28 as they
        are. Raises ApiError.
        """
        with _as_answers():
            return self._pipeline.see(data, dataset, max_pixels=max_pixels, raw=preparation == "raw")

    def see_all(self, asked: Sequence[tuple[bytes, str, Preparation]], max_pixels: int) -> list[Seen | Exception]:
        """The same of several uploads at once: data, dataset and preparation of each; errors in their places."""
        each = [Asked(data, dataset, preparation == "raw") for data, dataset, preparation in asked]
        seen = self._pipeline.see_all(each, max_pixels=max_pixels)
        return [_answer(one) if isinstance(one, IntakeError) else one for one in seen]

    def is_tiny(self, data: bytes) -> bool:
        """Whether an upload is so small a picture that it is best seen together with others."""
        return decode.is_tiny(data)

    def read(self, data: bytes, max_pixels: int) -> Page:
        """The digits of a number on the picture in an upload. Raises ApiError."""
        with _as_answers():
            return self._pipeline.read(data, max_pixels=max_pixels)


def check_auto(states: Mapping[str, State]) -> None:
    """Raise ApiError where the dataset cannot be decided, by where auto stands."""
    if states["auto"].state == "loading":
        raise ApiError("not_ready", "auto is still loading; try again shortly", retry_after=2)
    if states["auto"].state != "ready":
        raise ApiError("model_unavailable", pipeline.CANNOT_DECIDE)


def _loaded(name: str, root: Path, load: Callable[[Path], Small]) -> tuple[Small | None, State]:
    """What is loaded, if it can be, and where it stands."""
    if not is_there(root / f"{name}{SUFFIX}"):
        log.warning("%s is missing: there is no %s%s in the folder of checkpoints", name, name, SUFFIX)
        return None, State("missing", f"there is no {name}{SUFFIX} in the folder of checkpoints")
    try:
        return load(root), State("ready")
    except Exception as error:
        log.error("cannot load %s: %s", name, error, exc_info=not isinstance(error, CheckpointError))
        return None, failed(error, root)


@contextmanager
def _as_answers() -> Iterator[None]:
    try:
        yield
    except IntakeError as error:
        raise _answer(error) from error


def _answer(error: IntakeError) -> ApiError:
    return ApiError(error.code, str(error), retry_after=getattr(error, "retry_after", None))
