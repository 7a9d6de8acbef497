"""A service's parts on a cluster: each is asked through the handle of its deployment (see app.serving.parts)."""

import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.cluster.calls import Handle, call
from app.cluster.known import Known, silent
from app.cluster.replies import opened
from app.errors import ApiError
from app.serving.backends import Chances
from app.serving.background import Looked
from app.serving.clock import Clock
from app.serving.insides import Insides
from app.serving.intake import Preparation, check_auto
from app.serving.mosaic import Normalise
from app.serving.parts import Item
from app.serving.shown import Shown
from app.serving.state import State
from app.serving.tickets import Done
from app.uploads import Upload
from models.intake.pipeline import Page, Seen


class RemoteIntake:
    """Auto, the gate and the opening of uploads, elsewhere."""

    def __init__(self, handle: Handle, now: Callable[[], float] = time.monotonic) -> None:
        self.handle = handle
        self._now = now
        self._heard = math.inf  # nothing yet
        self._told: Mapping[str, State] = {name: State("loading") for name in ("auto", "gate")}

    @property
    def states(self) -> Mapping[str, State]:
        """Where auto and gate stand, as a replica told last."""
        if lost := silent(self._now() - self._heard):
            return dict.fromkeys(self._told, lost)
        return self._told

    def took(self, states: Mapping[str, State]) -> None:
        """A replica has told this."""
        self._told, self._heard = states, self._now()

    def failed(self, why: str) -> None:
        """The deployment could not be started."""
        self.took(dict.fromkeys(self._told, State("failed", why)))

    def check_auto(self) -> None:
        """Raise ApiError where the dataset cannot be decided."""
        check_auto(self.states)

    def check_room(self, clock: Clock) -> None:
        """How many wait is known elsewhere, and said there."""

    def wait_s(self) -> float:
        """As nothing waits here: 0."""
        return 0.0

    async def see(self, upload: Upload, dataset: str, clock: Clock, preparation: Preparation) -> Seen:
        """See Sees."""
        return await self._call("see", clock, upload.data, dataset, preparation)  # type: ignore[no-any-return]

    async def read(self, upload: Upload, clock: Clock) -> Page:
        """See Sees."""
        return await self._call("read", clock, upload.data)  # type: ignore[no-any-return]

    async def _call(self, method: str, clock: Clock, *arguments: object) -> Any:
        reply = await call(self.handle, method, "the intake", clock, *arguments)
        self._heard = self._now()
        return opened(reply)


class RemoteNetworks:
    """The networks, each a deployment of its own, by `handles`."""

    def __init__(self, handles: Mapping[str, Handle], engine: Known) -> None:
        self.handles = handles
        self.engine = engine
        self._looks: dict[tuple[str, str], float] = {}

    def states(self) -> Mapping[tuple[str, str], State]:
        """See Answers."""
        return self.engine.states()

    def problem(self, dataset: str, model: str) -> ApiError | None:
        """See Answers."""
        return self.engine.problem(dataset, model)

    def check_room(self, datasets: Iterable[str], models: Sequence[str], deadline: float, party: Hashable) -> None:
        """How many wait is known elsewhere, and said there."""

    @contextmanager
    def expecting(self, models: Sequence[str], party: Hashable) -> Iterator[None]:
        """Nobody counts here what is on its way."""
        yield

    async def submit(self, dataset: str, model: str, item: Item, clock: Clock) -> Done[Chances]:
        """See Answers."""
        return await self.call(dataset, model, "submit", clock, dataset, *item)  # type: ignore[no-any-return]

    async def look(self, dataset: str, model: str, pictures: NDArray[np.uint8], as_sent: bool, clock: Clock) -> Looked:
        """See Answers."""
        told: tuple[Looked, float] = await self.call(dataset, model, "look", clock, dataset, pictures, as_sent)
        looked, self._looks[dataset, model] = told
        return looked

    def looks_a_second(self, dataset: str, model: str) -> float:
        """See Answers; infinity: not known yet."""
        return self._looks.get((dataset, model), math.inf)

    async def call(self, dataset: str, model: str, method: str, clock: Clock, *arguments: object) -> Any:
        """What a replica of a network replies. Raises ApiError."""
        if problem := self.problem(dataset, model):
            raise problem
        reply = await call(self.handles[model], method, model, clock, *arguments)
        self.engine.heard(model)  # of what refuses, too
        return opened(reply)


class RemoteFeatures(Insides):
    """What is inside the networks: the tables are here, the pictures come from their replicas."""

    def __init__(self, networks: RemoteNetworks) -> None:
        super().__init__()
        self._networks = networks

    async def show(self, model: str, stage: str, seen: Seen, scale: int, normalise: Normalise, clock: Clock) -> Shown:
        """See Shows."""
        arguments = stage, seen, scale, normalise
        return await self._networks.call(seen.dataset, model, "show", clock, *arguments)  # type: ignore[no-any-return]
