"""In-memory stand-ins for the slow parts of the service: an engine and an intake that do as the bytes tell them."""

import threading
import time
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ApiError
from app.serving import local
from app.serving.backends import Loaded
from app.serving.intake import Intake, Preparation
from app.serving.service import Service
from app.serving.state import State
from app.settings import Settings
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.datasets import DATASETS
from models.intake.gate import Verdict
from models.intake.pipeline import Page, Seen
from models.intake.read import Found
from models.intake.steps import Step

WEIGHTS = Path(__file__).resolve().parents[1] / "weights"
BAD, BLANK, BOOM, SLOW = b"bad", b"blank", b"boom", b"slow"
DIGEST = "0" * 64


class FakeEngine:
    """Every network says what the first byte of the upload says, modulo 10; `gate` holds those in `gated` back.

    `wrong` maps a network to what it says instead; `failing` names networks that raise on whatever they see; `weights`
    how much each weighs in a vote; `streams` may be set before a service is made.
    """

    datasets = DATASETS
    names = ("lenet", "vgg11", "resnet18")
    device = "cpu"
    streams = 1

    def __init__(self) -> None:
        self.configured = False
        self.folder = WEIGHTS  # from where a real intake before it loads auto and gate
        self.gate = threading.Event()
        self.gate.set()
        self.gated: Container[str] = self.names
        self.busy = threading.Event()  # set as soon as a network has got a batch
        self.batches: list[tuple[str, str, int]] = []
        self.named = DIGEST
        self.measured: dict[tuple[str, str], float] = {}  # seconds a picture took when a network was warmed
        self.wrong: dict[str, int] = {}
        self.failing: set[str] = set()
        self.weights: dict[str, float] = {}  # in a vote
        self.now = {(d, n): State("loading") for d in self.datasets for n in self.names}
        self.then = {key: State("ready") for key in self.now}
        self.load_gate = threading.Event()
        self.load_gate.set()

    def root(self) -> Path:
        return self.folder

    def configure(self) -> None:
        self.configured = True

    def states(self) -> dict[tuple[str, str], State]:
        return dict(self.now)

    def load(self, root: Path) -> None:
        assert self.load_gate.wait(30)
        self.now.update(self.then)

    def close(self) -> None:
        self.load_gate.set()

    def lane(self, name: str) -> str:
        return "heavy" if name == "vgg11" else "light"

    def digest(self, dataset: str, name: str) -> str:
        return self.named

    def weight(self, dataset: str, name: str) -> float | None:
        return self.weights.get(name)

    def seconds(self) -> dict[tuple[str, str], float]:
        return dict(self.measured)

    def cost(self, name: str) -> int:
        return 100 if name == "vgg11" else 1

    def max_batch(self, name: str) -> int:
        return 1 if name == "vgg11" else 8

    def predict(
        self, dataset: str, name: str, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        assert as_sent.shape == (len(pictures),)
        self.busy.set()
        assert name not in self.gated or self.gate.wait(30)
        self.batches.append((dataset, name, len(pictures)))
        if name in self.failing:
            raise RuntimeError("this network is broken")
        rows = np.full((len(pictures), 10), 0.02, np.float32)
        said = np.full(len(pictures), self.wrong[name]) if name in self.wrong else pictures[:, 0, 0] % 10
        rows[np.arange(len(pictures)), said] = 0.82
        return rows

    def describe(self, name: str) -> dict[str, Any]:
        checkpoint = {"accuracy": 0.99, "n": 10000, "temperature": 1.0, "temperature_sent": 1.2, "digest": self.named}
        checkpoint |= {"form": "fake", "graph": None}
        parts = {d: {"state": self.now[d, name].state, "reason": None, **checkpoint} for d in self.datasets}
        told = {"name": name, "title": name, "year": 1998, "paper": "-", "idea": "-"}
        return {**told, "input_size": 28, "parameters": 1, "macs": 1, "checkpoints": parts}


class FakeBackend:
    """Says what the first byte of a picture says, modulo 10, less surely of one that was not of the dataset's own kind;
    or `always` the same.
    """

    def __init__(self, always: float | None = None) -> None:
        self.always = always

    def probabilities(self, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        if self.always is not None:
            return np.full((len(pictures), 10), self.always, np.float32)
        others = np.full(len(pictures), 0.02) if as_sent is None else np.where(as_sent, 0.05, 0.02)
        rows = np.repeat(others[:, None], 10, axis=1)
        rows[np.arange(len(pictures)), pictures[:, 0, 0] % 10] = 1 - 9 * others
        return rows.astype(np.float32)


class FakeRuntime:
    """Reads no more of a checkpoint than its header, and has one backend for all."""

    device = "cpu"
    streams = 2

    def __init__(self, backend: FakeBackend | None = None) -> None:
        self.backend = backend or FakeBackend()
        self.configured = False

    def configure(self) -> None:
        self.configured = True

    def load(self, path: Path) -> Loaded:
        told = described(file_format.open_file(path))
        names = told.architecture.name, told.dataset.name
        return Loaded(self.backend, *names, told.temperature, told.temperature_sent, told.content.header, "fake")


class FakeIntake:
    """An intake that sees the first byte of the upload everywhere, after `seconds`; while `gate` is cleared it waits.

    Of a number it sees a line for each line feed, and in it a digit for each byte, which shows that byte.
    """

    def __init__(self, seconds: float = 0) -> None:
        self.states = {"auto": State("ready"), "gate": State("ready")}
        self.seconds = seconds
        self.tiny: Container[bytes] = ()  # uploads that are seen together
        self.seen: list[bytes] = []
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()  # set as soon as an upload is at work

    def load(self, root: Path) -> None:
        pass

    def close(self) -> None:
        pass

    check_auto = Intake.check_auto

    def see(self, data: bytes, dataset: str, max_pixels: int, preparation: Preparation = "auto") -> Seen:
        self._wait(data)
        if data == BAD:
            raise ApiError("undecodable", "the bytes are no picture")
        if data == BLANK:
            raise ApiError("nothing_found", "the picture is blank")
        if data == BOOM:
            raise RuntimeError("a secret detail")
        if data == SLOW:
            raise TimeoutError("a decoder's own")
        picture = np.full((28, 28), data[0], np.uint8)
        sure = 0.99 if dataset == "auto" else None
        verdict = Verdict(data[0] < 200, 0.97 if data[0] < 200 else 0.03, "it looks like what the first byte says")
        step = Step("first byte", {"value": data[0], "preparation": preparation})
        chosen = "mnist" if dataset == "auto" else dataset
        return Seen(picture, chosen, sure, 0.001, 0.0, 0.001, 0.001, (step,), preparation == "raw", verdict)

    def see_all(self, asked: Sequence[tuple[bytes, str, Preparation]], max_pixels: int) -> list[Seen | Exception]:
        seen: list[Seen | Exception] = []
        for data, dataset, preparation in asked:
            try:
                seen.append(self.see(data, dataset, max_pixels, preparation))
            except ApiError as error:
                seen.append(error.with_traceback(None))  # as the real one's, which was never raised
            except Exception as error:
                seen.append(error)
        return seen

    def is_tiny(self, data: bytes) -> bool:
        return data in self.tiny

    def read(self, data: bytes, max_pixels: int) -> Page:
        self._wait(data)
        if data == BLANK:
            raise ApiError("nothing_found", "the picture is blank")
        lines = [
            [Found((10 * x, 20 * y, 8, 16), np.full((28, 28), byte, np.uint8)) for x, byte in enumerate(line)]
            for y, line in enumerate(data.split(b"\n"))
        ]
        return Page(lines, 0.001, 0.002)

    def _wait(self, data: bytes) -> None:
        self.seen.append(data)
        self.busy.set()
        assert self.gate.wait(30)
        time.sleep(self.seconds)


def fake_service(
    engine: FakeEngine | None = None,
    intake: FakeIntake | None = None,
    fresh: tuple[FakeEngine, FakeIntake] | None = None,
    **settings: Any,
) -> Service:
    """A service round a FakeEngine and a FakeIntake, with these settings and no others, whatever the environment
    says; `fresh`: what takes their place when all is loaded anew.
    """
    chosen, made = Settings.model_construct(**settings), (engine or FakeEngine(), intake or FakeIntake())
    return local.service(chosen, *made, fresh=lambda: fresh or (FakeEngine(), FakeIntake()))  # type: ignore[arg-type, return-value]
