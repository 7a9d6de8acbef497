"""What an ingress knows of the networks elsewhere: what their replicas told last."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from app.cluster.replies import NetworkStatus
from app.errors import ApiError
from app.serving import described
from app.serving.state import State, problem
from app.settings import Settings, split
from models import catalog, checkpoints
from models.datasets import DATASETS, Dataset

SILENT_S = 30.0  # after which a deployment of which nobody has heard is told as failed


class Known:
    """The networks of the settings, as their replicas describe them; `now` is a clock in seconds."""

    datasets: Mapping[str, Dataset] = DATASETS

    def __init__(self, settings: Settings, now: Callable[[], float] = time.monotonic) -> None:
        self.names: Sequence[str] = catalog.choose(split(settings.networks))
        self._settings = settings
        self._now = now
        self._told: dict[str, NetworkStatus] = {}
        self._heard: dict[str, float] = {}
        self._why: dict[str, str] = {}

    @property
    def device(self) -> str:
        """Where networks run, by what most of them told last; before anything is known, what was asked for."""
        devices = [status.device for status in self._told.values()]
        return max(devices, key=devices.count) if devices else self._settings.device

    def root(self) -> Path:
        """The folder of checkpoints here. FileNotFoundError if there is none."""
        return checkpoints.root(self._settings.weights)

    def cost(self, name: str) -> int:
        """Multiply-adds of one picture."""
        return catalog.find(name).macs

    def digest(self, dataset: str, name: str) -> str:
        """SHA-256 of the checkpoint that answers, in hex. KeyError if none does."""
        digest = self._told[name].card["checkpoints"][dataset]["digest"]
        if digest is None:
            raise KeyError(name)
        return str(digest)

    def describe(self, name: str) -> dict[str, Any]:
        """What is known of a network, and of its checkpoints."""
        if name not in self._told:
            return described.network(name, {d: described.checkpoint(self._state(d, name), None) for d in self.datasets})
        card = self._told[name].card
        if lost := self._lost(name):
            return {**card, "checkpoints": {d: {**told, **vars(lost)} for d, told in card["checkpoints"].items()}}
        return card

    def took(self, name: str, status: NetworkStatus) -> None:
        """A replica has told this."""
        self._told[name] = status
        self._why.pop(name, None)
        self.heard(name)

    def heard(self, name: str) -> None:
        """A replica has given a sign of life."""
        self._heard[name] = self._now()

    def failed(self, name: str, why: str) -> None:
        """A network's deployment could not be started."""
        self._why[name] = why

    def states(self) -> dict[tuple[str, str], State]:
        """The state of every (dataset, network), in the order of datasets and networks."""
        return {(dataset, name): self._state(dataset, name) for dataset in self.datasets for name in self.names}

    def problem(self, dataset: str, name: str) -> ApiError | None:
        """Why a network cannot answer for a dataset, if it cannot."""
        state, status = self._state(dataset, name), self._told.get(name)
        if state.state != "loading" and status is not None and dataset in status.problems:
            return status.problems[dataset].error()
        return problem(dataset, name, state, retry_after=5)

    def _state(self, dataset: str, name: str) -> State:
        told = self._told[name].states[dataset] if name in self._told else State("loading")
        return self._lost(name) or told

    def _lost(self, name: str) -> State | None:
        """That there is nobody to ask, whatever was told before."""
        if name in self._why:
            return State("failed", self._why[name])
        return silent(self._now() - self._heard.get(name, math.inf))


def silent(seconds: float) -> State | None:
    """How a deployment stands of which nobody has heard for so long; None where that may be."""
    if seconds > SILENT_S:
        return State("failed", f"no replica of it has been heard of for {seconds:.0f} s")
    return None
