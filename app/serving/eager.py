"""PyTorch as the service's runtime on a CPU, where it is asked for."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from app.serving import threads
from app.serving.backends import Loaded
from app.settings import Settings
from models import checkpoints
from models.classifier import Classifier
from models.devices import plain_float32


class EagerClassifier:
    """A classifier in eval mode; it changes nothing, so calls need no lock."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier

    def probabilities(self, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """See Backend."""
        flags = None if as_sent is None else torch.from_numpy(as_sent)
        told: NDArray[np.float32] = self._classifier.probabilities(torch.from_numpy(pictures), flags).numpy()
        return told


class Eager:
    """PyTorch on a CPU: a pass uses all cores, so that one at a time is the best."""

    device = "cpu"
    streams = 1

    def __init__(self, settings: Settings) -> None:
        # PyTorch counts the machine's cores, not those that a container was given; and each thread that asks it has a
        # team of so many, without which the whole process ends.
        self._threads = threads.computing(settings)

    def configure(self) -> None:
        """Set PyTorch's threads and arithmetic."""
        torch.set_num_threads(self._threads)
        plain_float32()

    def load(self, path: Path) -> Loaded:
        """See Runtime."""
        found = checkpoints.load(path)
        return Loaded(
            EagerClassifier(found),
            found.architecture,
            found.dataset,
            found.temperature,
            found.temperature_sent,
            found.metadata,
            "torch",
        )
