"""What a service is made of: who sees uploads, who says what networks say, and what is known of both.

`Local` has them in this process. On a cluster they are others' (app/cluster): requests, limits and answers stay the
service's, and each batch is cut where its network runs.
"""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import ApiError
from app.insides import Stages
from app.serving.backends import Chances
from app.serving.background import Looked
from app.serving.clock import Clock
from app.serving.intake import Preparation
from app.serving.metrics import Metrics
from app.serving.mosaic import Normalise
from app.serving.shown import Shown
from app.serving.state import State
from app.serving.tickets import Done
from app.uploads import Upload
from models.datasets import Dataset
from models.intake.pipeline import Page, Seen

Item = tuple[NDArray[np.uint8], bool]  # a picture, and whether it was not of the dataset's own kind as it was sent


class Known(Protocol):
    """What is known of the networks; `Engine` says more of each method."""

    @property
    def names(self) -> Sequence[str]:
        """The networks, in the order of their years."""

    @property
    def datasets(self) -> Mapping[str, Dataset]:
        """The datasets by name."""

    @property
    def device(self) -> str:
        """Where networks run."""

    def root(self) -> Path:
        """The folder of checkpoints. FileNotFoundError if there is none."""

    def cost(self, name: str) -> int:
        """Multiply-adds of one picture."""

    def digest(self, dataset: str, name: str) -> str:
        """SHA-256 of the checkpoint that answers, in hex. KeyError if it is not ready."""

    def describe(self, name: str) -> dict[str, Any]:
        """What is known of a network, and of its checkpoints."""


class Judges(Protocol):
    """Auto and the gate."""

    @property
    def states(self) -> Mapping[str, State]:
        """Where each stands."""

    def check_auto(self) -> None:
        """Raise ApiError where the dataset cannot be decided."""


class Sees(Protocol):
    """Opens and prepares uploads; `Opening` says more of each method."""

    def check_room(self, clock: Clock) -> None:
        """Raise ApiError where one more picture could not be opened in time."""

    def wait_s(self) -> float:
        """Seconds after which a picture that came now would be open."""

    async def see(self, upload: Upload, dataset: str, clock: Clock, preparation: Preparation) -> Seen:
        """An upload as a picture for `dataset`, or for what auto decides. Raises ApiError."""

    async def read(self, upload: Upload, clock: Clock) -> Page:
        """The digits on an upload. Raises ApiError."""


class Answers(Protocol):
    """Says what networks say; `Networks` says more of each method."""

    @property
    def engine(self) -> Known:
        """What is known of the networks that answer now."""

    def states(self) -> Mapping[tuple[str, str], State]:
        """The state of every (dataset, network)."""

    def problem(self, dataset: str, model: str) -> ApiError | None:
        """Why a network cannot answer for a dataset, if it cannot."""

    def check_room(self, datasets: Iterable[str], models: Sequence[str], deadline: float, party: Hashable) -> None:
        """Raise ApiError where none of the networks could answer one more picture of `party` by `deadline`."""

    def expecting(self, models: Sequence[str], party: Hashable) -> AbstractContextManager[None]:
        """Meanwhile a picture of `party` is on its way to these networks."""

    async def submit(self, dataset: str, model: str, item: Item, clock: Clock) -> Done[Chances]:
        """What a network says of a picture. Raises ApiError."""

    async def look(self, dataset: str, model: str, pictures: NDArray[np.uint8], as_sent: bool, clock: Clock) -> Looked:
        """What a network says of pictures uint8 [N, 28, 28], behind all requests. Raises ApiError."""

    def looks_a_second(self, dataset: str, model: str) -> float:
        """How many pictures of `look` a network sees in a second in which nobody else asks it."""


class Shows(Protocol):
    """Shows what is inside the networks; `Features` says more of each method."""

    def stages(self, model: str) -> Stages:
        """The stages of a network. Raises ApiError where none were recorded."""

    def check(self, model: str, stage: str, scale: int) -> None:
        """Raise ApiError for a part that the network has not, or whose picture would be too large."""

    async def show(self, model: str, stage: str, seen: Seen, scale: int, normalise: Normalise, clock: Clock) -> Shown:
        """What a part of a network makes of a picture. Raises ApiError."""


class Parts(Protocol):
    """Everything that a service asks, and its life; used within one event loop."""

    metrics: Metrics

    @property
    def intake(self) -> Judges:
        """Auto and the gate."""

    @property
    def opening(self) -> Sees:
        """Who sees uploads."""

    @property
    def networks(self) -> Answers:
        """Who says what networks say."""

    @property
    def features(self) -> Shows:
        """Who shows what is inside."""

    async def start(self) -> None:
        """Begin to load in the background. FileNotFoundError without a weights folder."""

    async def close(self) -> None:
        """Answer what waits, and end."""

    async def reload(self) -> None:
        """Load every checkpoint anew beside those that answer; no request is lost. Raises ApiError, and changes
        nothing, where that would be worse than what is there.
        """

    def unready(self) -> str | None:
        """Why no requests should be sent here, in words; None where they should."""

    async def told(self) -> bytes:
        """All metrics, in Prometheus' text format."""
