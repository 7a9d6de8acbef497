"""A replica of the intake: it decodes, prepares and judges pictures, and finds numbers on them."""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.cluster.replica import Replica
from app.cluster.replies import Refused, replied
from app.errors import ApiError
from app.serving import garbage
from app.serving.clock import Clock
from app.serving.decoders import Decoders
from app.serving.exchange import against_small, refuse_if
from app.serving.intake import Intake, Preparation
from app.serving.opening import Opening
from app.serving.state import State
from app.settings import Settings
from app.uploads import Memory, MemoryFull, Share, Upload
from models import checkpoints
from models.intake.pipeline import Page, Seen


class IntakeReplica(Replica):
    """Opens what the ingresses send it. Times arrive as seconds that are left, `party` as whose request it is; refusals
    are replied as values.
    """

    def __init__(self, *, settings: Settings | None = None, intake: Intake | None = None) -> None:
        """Ray sends requests once this has ended. FileNotFoundError without a folder of checkpoints."""
        super().__init__("intake", settings or Settings())
        self._root = checkpoints.root(self._settings.weights)
        self._memory = Memory(self._settings.max_held_bytes)
        self._intake = intake or Intake(Decoders.of(self._settings))
        self._opening = Opening(self._intake, self._settings)
        self._metrics.watch(self._metrics.intake, self._opening.__len__)
        self._opening.start()
        self._intake.load(self._root)
        garbage.settle()

    async def see(
        self, data: bytes, dataset: str, preparation: Preparation, left_s: float, party: str
    ) -> Seen | Refused:
        """An upload as a picture for `dataset`, or for what auto decides."""
        return await replied(self._see(data, dataset, preparation, Clock.starting(left_s, party)))

    async def read(self, data: bytes, left_s: float, party: str) -> Page | Refused:
        """The digits on an upload."""
        return await replied(self._read(data, Clock.starting(left_s, party)))

    async def status(self) -> Mapping[str, State]:
        """Where auto and the gate stand."""
        return dict(self._intake.states)

    async def close(self) -> None:
        """Answer what waits, stop every thread and end the decoders."""
        await self._opening.close()
        await asyncio.to_thread(self._intake.close)

    async def _see(self, data: bytes, dataset: str, preparation: Preparation, clock: Clock) -> Seen:
        with self._held(data) as upload:
            return await self._opening.see(upload, dataset, clock, preparation)

    async def _read(self, data: bytes, clock: Clock) -> Page:
        with self._held(data) as upload:
            return await self._opening.read(upload, clock)

    @contextmanager
    def _held(self, data: bytes) -> Iterator[Upload]:
        with Share(self._memory) as share:
            try:
                share.take(len(data))
            except MemoryFull:
                told = "the intake holds as many bytes of uploads as it may; try again in 1 s"
                raise ApiError("queue_full", told, retry_after=1) from None
            yield Upload(data, share)

    async def _exchange(self) -> None:
        new = self._intake.again()
        await asyncio.to_thread(new.load, self._root)
        refuse_if(against_small(self._intake.states, new.states))
        self._intake = self._opening.intake = new

    def _busy_s(self) -> float:
        return self._opening.busy_s()
