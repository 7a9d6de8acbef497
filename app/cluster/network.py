"""A replica of one network: its checkpoints for all datasets, the queues before them, and its feature maps."""

import asyncio

import numpy as np
from numpy.typing import NDArray

from app.cluster.replica import Replica
from app.cluster.replies import NetworkStatus, Refused, replied
from app.serving import garbage
from app.serving.backends import Chances
from app.serving.background import Looked
from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.exchange import against_networks, folder_of, refuse_if
from app.serving.features import Features
from app.serving.mosaic import Normalise
from app.serving.networks import Networks
from app.serving.shown import Shown
from app.serving.tickets import Done
from app.settings import Settings
from models.intake.pipeline import Seen


class NetworkReplica(Replica):
    """Batches and computes what the ingresses send it. Times arrive as seconds that are left, `party` as whose request
    it is; refusals are replied as values.
    """

    def __init__(
        self, name: str, threads: int, *, settings: Settings | None = None, engine: Engine | None = None
    ) -> None:
        """Ray sends requests once this has ended, with every checkpoint warm: one that cannot be loaded is told by
        `status`, and ends no replica. FileNotFoundError without a folder of checkpoints.
        """
        settings = settings or Settings()
        # A GPU is used where Ray has been asked to reserve one, and not wherever there happens to be one.
        device = "cpu" if settings.device == "auto" else settings.device
        told = {"networks": name, "threads": threads, "device": device}
        super().__init__(name, settings.model_copy(update=told))
        self._name = name
        self._networks = Networks(engine or Engine(self._settings), self._settings, self._metrics)
        self._features = Features(self._networks)
        self._metrics.watch(self._metrics.features, self._features.__len__)
        self._metrics.watch_checkpoints(self._networks.checkpoints)
        root = self._networks.engine.root()
        self._networks.engine.configure()
        self._networks.start()
        self._networks.engine.load(root)
        self._networks.learn()
        garbage.settle()

    async def submit(
        self, dataset: str, picture: NDArray[np.uint8], sent: bool, left_s: float, party: str
    ) -> Done[Chances] | Refused:
        """What the network says of a picture uint8 [28, 28]; `sent`: it came as none of the dataset's own."""
        clock = Clock.starting(left_s, party)
        return await replied(self._networks.submit(dataset, self._name, (picture, sent), clock))

    async def look(
        self, dataset: str, pictures: NDArray[np.uint8], sent: bool, left_s: float, party: str
    ) -> tuple[Looked, float] | Refused:
        """What it says of pictures uint8 [N, 28, 28], behind all requests; and how many it sees in a second."""
        clock = Clock.starting(left_s, party)
        looked = await replied(self._networks.look(dataset, self._name, pictures, sent, clock))
        if isinstance(looked, Refused):
            return looked
        return looked, self._networks.looks_a_second(dataset, self._name)

    async def show(
        self, stage: str, seen: Seen, scale: int, normalise: Normalise, left_s: float, party: str
    ) -> Shown | Refused:
        """What a part of the network makes of a picture."""
        clock = Clock.starting(left_s, party)
        return await replied(self._features.show(self._name, stage, seen, scale, normalise, clock))

    async def status(self) -> NetworkStatus:
        """Where the network stands."""
        engine = self._networks.engine
        states = {dataset: state for (dataset, _), state in self._networks.states().items()}
        problems = {dataset: self._networks.problem(dataset, self._name) for dataset in states}
        refusals = {dataset: Refused.of(problem) for dataset, problem in problems.items() if problem}
        return NetworkStatus(engine.describe(self._name), states, refusals, engine.device)

    async def close(self) -> None:
        """Answer what waits and stop every thread."""
        self._networks.engine.close()
        await self._features.close()
        await self._networks.close()

    async def _exchange(self) -> None:
        old, new = self._networks.engine, Engine(self._settings)
        await asyncio.to_thread(new.load, folder_of(old))
        refuse_if(against_networks(old.states(), new.states()))
        self._networks.exchange(new)
        self._features.forget()

    def _busy_s(self) -> float:
        return self._networks.busy_s()
