"""What runs a network: compiled, by ONNX Runtime on a CPU; or PyTorch's own, which alone can use a GPU.

The engine asks a `Backend`, one for each network and dataset, and gets it from a `Runtime`, one for the process.
`tests/app/serving/test_backends.py` holds all of them to the same behaviour.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray


class Backend(Protocol):
    """A network for a dataset; may be called from several threads at once."""

    def probabilities(self, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_] | None = None) -> NDArray[Any]:
        """Pictures uint8 [N, 28, 28] to probabilities float32 [N, 10], calibrated. `as_sent`: bool [N], which of them
        were not of the dataset's own kind as they were sent; None: none.
        """
        ...


@dataclass(frozen=True, slots=True)
class Chances:
    """What a network says of a picture: probabilities float32 [K]; the digest of the checkpoint that said so, and how
    much that weighs in a vote, None where that is not known (`models.vote`).
    """

    probabilities: NDArray[np.float32]
    digest: str
    weight: float | None = None


@dataclass(frozen=True)
class Loaded:
    """A backend, what its checkpoint is, and what runs it: `form` in words, `graph` the digest of a compiled one."""

    backend: Backend
    architecture: str
    dataset: str
    temperature: float
    temperature_sent: float
    header: Mapping[str, Any]
    form: str
    graph: str | None = None


class Runtime(Protocol):
    """Where networks run: `device`, as "cpu"; `streams`, how many forward passes at once make the best of it."""

    device: str
    streams: int

    def configure(self) -> None:
        """Set what holds for the whole process, before any of its threads is at work."""
        ...

    def load(self, path: Path) -> Loaded:
        """A checkpoint, ready to run. Raises CheckpointError if it cannot be trusted."""
        ...
