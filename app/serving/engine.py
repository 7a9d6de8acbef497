"""Which classifiers are loaded, where they run, and what is known of each."""

import logging
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.serving import batches, described, no_memory, runtimes
from app.serving.backends import Loaded
from app.serving.state import State, failed
from app.settings import Settings, split
from models import catalog, checkpoints, vote
from models.datasets import DATASETS, SIDE, Dataset

log = logging.getLogger(__name__)

# Networks above this many multiply-adds a picture run in a lane of their own (see lane()).
HEAVY_MACS = 500_000_000


class Engine:
    """The classifiers of one folder of checkpoints, on one device.

    `load` fills it, once, on a thread of its own; the rest may be called meanwhile, and `predict` from several threads
    at once: `streams` of them make the best of the device.
    """

    datasets: Mapping[str, Dataset] = DATASETS

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.names = catalog.choose(split(settings.networks))
        self._runtime = runtimes.choose(settings)
        self.device, self.streams = self._runtime.device, self._runtime.streams
        self._loaded: dict[tuple[str, str], Loaded] = {}
        self._states = {(d, n): State("loading") for d in self.datasets for n in self.names}
        self._seconds: dict[tuple[str, str], float] = {}
        self._stop = threading.Event()

    def root(self) -> Path:
        """The folder of checkpoints. FileNotFoundError, naming the places looked at, if there is none."""
        return checkpoints.root(self._settings.weights)

    def configure(self) -> None:
        """Set what holds for the whole process: before any of its threads is at work."""
        self._runtime.configure()

    def states(self) -> dict[tuple[str, str], State]:
        """The state of every (dataset, network), in the order of datasets and networks."""
        return dict(self._states)

    def load(self, root: Path) -> None:
        """Load and warm every checkpoint that is in `root`, the quick networks first; a bad one stops no other."""
        for name in sorted(self.names, key=self.cost):
            for dataset in self.datasets:
                if self._stop.is_set():
                    return
                self._states[dataset, name] = self._load_one(root, dataset, name)

    def close(self) -> None:
        """Ask a running `load` to stop after the checkpoint that it is at."""
        self._stop.set()

    def predict(
        self, dataset: str, name: str, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_] | None = None
    ) -> NDArray[np.float32]:
        """Pictures uint8 [N, 28, 28] to probabilities float32 [N, 10], calibrated. KeyError if it is not ready,
        MemoryError where the device has not enough for so many at once.

        `as_sent`: bool [N], which of them were not of the dataset's own kind as they were sent; None: none.
        """
        try:
            return self._loaded[dataset, name].backend.probabilities(pictures, as_sent)
        except Exception as error:
            if no_memory.told_by(error):
                raise MemoryError(f"{name} on {len(pictures)} pictures") from error
            raise

    def digest(self, dataset: str, name: str) -> str:
        """SHA-256 of the checkpoint that `predict` uses, in hex. KeyError if it is not ready."""
        return str(self._loaded[dataset, name].header.get("digest"))

    def weight(self, dataset: str, name: str) -> float | None:
        """How much that checkpoint weighs in a vote (`models.vote`), None where it does not tell. KeyError likewise."""
        return vote.weight(self._loaded[dataset, name].header.get("metrics", {}))

    def seconds(self) -> dict[tuple[str, str], float]:
        """What a picture took each (dataset, network) that is ready, when it was warmed."""
        return dict(self._seconds)

    def lane(self, name: str) -> str:
        """The lane that a network runs in. On a GPU each has one: their passes share it better than Python could.

        On a CPU one forward of VGG-11 takes a hundred times as long as one of LeNet. In one lane LeNet would stand
        behind VGG-11; with `streams` threads for the light networks and as many for the heavy ones the operating system
        shares the cores between the two, and only networks of about the same weight wait for each other.
        """
        if self.device != "cpu":
            return name
        return "heavy" if self.cost(name) > HEAVY_MACS else "light"

    def cost(self, name: str) -> int:
        """Multiply-adds of one picture."""
        return catalog.find(name).macs

    def max_batch(self, name: str) -> int:
        """Most pictures in one forward pass."""
        return batches.longest(self._settings, self.cost(name), self.device)

    def describe(self, name: str) -> dict[str, Any]:
        """What is known of a network: from the catalog, and from its checkpoints."""
        parts = {d: described.checkpoint(self._states[d, name], self._loaded.get((d, name))) for d in self.datasets}
        return described.network(name, parts)

    def _load_one(self, root: Path, dataset: str, name: str) -> State:
        path = checkpoints.path_for(dataset, name, root)
        if not checkpoints.is_there(path):
            told = f"there is no {path.parent.name}/{path.name} in the folder of checkpoints; {maker(dataset, name)}"
            return State("missing", told)
        try:
            loaded = self._runtime.load(path)
            checkpoints.expect_network(path, loaded.header, name, dataset)
            self._loaded[dataset, name] = loaded
            self._warm(dataset, name)
        except Exception as error:  # whatever is wrong with one file, the others must load
            expected = isinstance(error, checkpoints.CheckpointError)
            log.error("cannot load %s for %s: %s", name, dataset, error, exc_info=not expected)
            self._loaded.pop((dataset, name), None)
            return failed(error, root)
        log.info("%s for %s is ready on %s", name, dataset, self.device)
        return State("ready")

    def _warm(self, dataset: str, name: str) -> None:
        # The first pass of each shape picks kernels and allocates; nobody should wait for that.
        for count in {1, self.max_batch(name)}:
            begun = time.perf_counter()
            result = self.predict(dataset, name, np.zeros((count, SIDE, SIDE), np.uint8))
            self._seconds[dataset, name] = (time.perf_counter() - begun) / count
            if not np.isfinite(result).all():
                raise checkpoints.CheckpointError(f"{name} for {dataset} gives probabilities that are not finite")


def maker(dataset: str, name: str) -> str:
    """Which command makes a checkpoint that is not there, in words."""
    return f"`lineup train --model {name} --dataset {dataset}` makes it"
