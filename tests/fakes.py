"""In-memory stand-ins for the slow parts of the service: an engine and an intake that do as the bytes tell them."""

import threading
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.errors import ApiError
from app.serving.engine import State
from app.serving.intake import Found, Page, Preparation, Seen
from app.serving.service import Service
from app.settings import Settings
from models.datasets import DATASETS
from models.intake.gate import Verdict
from models.intake.picture import Step

BAD, BLANK, BOOM = b"bad", b"blank", b"boom"
QUICK: dict[str, Callable[[], None]] = {"auto": lambda: None, "gate": lambda: None}


class FakeEngine:
    """Every network says what the first byte of the upload says, modulo 10; `gate` holds those in `gated` back.

    `wrong` maps a network to what it says instead; `failing` names networks that raise on whatever they see.
    """

    datasets = DATASETS
    names = ("lenet", "vgg11", "resnet18")
    device = torch.device("cpu")

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.gated: Container[str] = self.names
        self.busy = threading.Event()  # set as soon as a network has got a batch
        self.batches: list[tuple[str, str, int]] = []
        self.wrong: dict[str, int] = {}
        self.failing: set[str] = set()
        self.now = {(d, n): State("loading") for d in self.datasets for n in self.names}
        self.then = {key: State("ready") for key in self.now}
        self.load_gate = threading.Event()
        self.load_gate.set()

    def root(self) -> Path:
        return Path()

    def states(self) -> dict[tuple[str, str], State]:
        return dict(self.now)

    def load(self, root: Path) -> None:
        assert self.load_gate.wait(30)
        self.now.update(self.then)

    def close(self) -> None:
        self.load_gate.set()

    def lane(self, name: str) -> str:
        return "heavy" if name == "vgg11" else "light"

    def max_batch(self, name: str) -> int:
        return 1 if name == "vgg11" else 8

    def predict(
        self, dataset: str, name: str, pictures: NDArray[np.uint8], sent: NDArray[np.bool_]
    ) -> NDArray[np.float32]:
        assert sent.shape == (len(pictures),)
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
        checkpoint = {"accuracy": 0.99, "n": 10000, "temperature": 1.0, "temperature_sent": 1.2, "digest": "0" * 64}
        parts = {d: {"state": self.now[d, name].state, "reason": None, **checkpoint} for d in self.datasets}
        told = {"name": name, "title": name, "year": 1998, "paper": "-", "idea": "-"}
        return {**told, "input_size": 28, "parameters": 1, "macs": 1, "checkpoints": parts}


def look(
    data: bytes, content_type: str | None, dataset: str, max_pixels: int, preparation: Preparation = "auto"
) -> Seen:
    """An intake that sees the first byte of the upload everywhere."""
    if data == BAD:
        raise ApiError("undecodable", "the bytes are no picture")
    if data == BLANK:
        raise ApiError("nothing_found", "the picture is blank")
    if data == BOOM:
        raise RuntimeError("a secret detail")
    picture = np.full((28, 28), data[0], np.uint8)
    sure = 0.99 if dataset == "auto" else None
    verdict = Verdict(data[0] < 200, 0.97 if data[0] < 200 else 0.03, "it looks like what the first byte says")
    step = Step("first byte", {"value": data[0], "preparation": preparation})
    chosen = "mnist" if dataset == "auto" else dataset
    return Seen(picture, chosen, sure, 0.001, 0.0, 0.001, 0.001, (step,), preparation == "raw", verdict)


def find(data: bytes, content_type: str | None, max_pixels: int) -> Page:
    """A finder that sees a line for each line feed, and in it a digit for each byte, which shows that byte."""
    if data == BLANK:
        raise ApiError("nothing_found", "the picture is blank")
    lines = [
        [Found((10 * x, 20 * y, 8, 16), np.full((28, 28), byte, np.uint8)) for x, byte in enumerate(line)]
        for y, line in enumerate(data.split(b"\n"))
    ]
    return Page(lines, 0.001, 0.002)


def slow_look(seconds: float) -> Callable[..., Seen]:
    """The same, after some time."""

    def looking(*arguments: Any) -> Seen:
        time.sleep(seconds)
        return look(*arguments)

    return looking


def fake_service(engine: FakeEngine | None = None, **settings: Any) -> Service:
    """A service round a FakeEngine, with these settings and no others, whatever the environment says."""
    parts = {name: settings.pop(name, part) for name, part in {"look": look, "find": find, "warm": QUICK}.items()}
    chosen = Settings.model_construct(**settings)
    return Service(chosen, engine or FakeEngine(), **parts)  # type: ignore[arg-type]
