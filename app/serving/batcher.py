"""Dynamic batching round any function from a list to a list of the same length.

Requests wait in a queue. When the lane (whatever runs the function) is free, the oldest of them, as many as fit,
are cut off as one batch. Nothing waits for a batch to fill, so there is no timer to tune and a lone request runs
at once; batches grow by themselves while the lane is busy. Several batchers may share one lane: it serves them in
turn, and each cuts its batch only when its turn has come.
"""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)


class QueueFull(Exception):
    """No room for another request; `retry_after` is the time in seconds after which there may be some."""

    def __init__(self, waiting: int, retry_after: float) -> None:
        super().__init__(f"{waiting} requests are waiting already")
        self.retry_after = retry_after


class Late(Exception):
    """The deadline passed before there was a result."""


class Closed(Exception):
    """The batcher is shutting down."""


class WrongLength(Exception):
    """The function gave more or fewer results than it got items, so none can be told apart."""


@dataclass(frozen=True)
class Lane:
    """One thread of work and the lock that says whose turn it is; asyncio's lock is first come, first served."""

    executor: Executor
    turn: asyncio.Lock = field(default_factory=asyncio.Lock)


@dataclass(frozen=True)
class Done(Generic[Result]):
    """A result with what it took: seconds in the queue, seconds of the batch, and how many shared it."""

    value: Result
    queued_s: float
    ran_s: float
    batch_size: int


@dataclass(eq=False)
class _Waiting(Generic[Item, Result]):
    item: Item
    deadline: float
    arrived: float
    future: asyncio.Future[Done[Result]]


class Batcher(Generic[Item, Result]):
    """Runs `run` on the lane's executor for whoever submits; made and used within one event loop.

    `observe(size, seconds)` is told of every batch that ran.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result]],
        lane: Lane,
        *,
        max_batch: int,
        max_queue: int,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
    ) -> None:
        self._run = run
        self._lane = lane
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._observe = observe
        self._waiting: deque[_Waiting[Item, Result]] = deque()
        self._arrived = asyncio.Event()
        self._closed = False
        self._last_s = 0.0  # how long the last batch took, for Retry-After
        self._worker: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def submit(self, item: Item, deadline: float) -> Done[Result]:
        """Wait for the result of one item until `deadline`, a time of the event loop's clock.

        Raises QueueFull at once, Late at the deadline, Closed on shutdown, and whatever `run` raised for this item.
        A cancelled caller leaves the queue; the item is then never computed.
        """
        now = asyncio.get_running_loop().time()
        if self._closed:
            raise Closed
        if now >= deadline:
            raise Late
        if len(self._waiting) >= self._max_queue:
            raise QueueFull(len(self._waiting), self._wait_estimate())
        if self._worker is None:
            self._worker = asyncio.create_task(self._work())
        entry: _Waiting[Item, Result] = _Waiting(item, deadline, now, asyncio.get_running_loop().create_future())
        self._waiting.append(entry)
        self._arrived.set()
        return await self._result(entry)

    async def close(self) -> None:
        """Answer what waits with Closed, let a running batch finish, and stop."""
        self._closed = True
        while self._waiting:
            _fail(self._waiting.popleft(), Closed())
        self._arrived.set()
        if self._worker is not None:
            await self._worker

    async def _result(self, entry: _Waiting[Item, Result]) -> Done[Result]:
        timeout = asyncio.timeout_at(entry.deadline)
        try:
            async with timeout:
                return await entry.future
        except TimeoutError:
            if timeout.expired():
                raise Late from None
            raise  # the function's own TimeoutError
        finally:
            if entry in self._waiting:
                self._waiting.remove(entry)

    def _wait_estimate(self) -> float:
        return self._last_s * math.ceil((len(self._waiting) + 1) / self._max_batch)

    async def _work(self) -> None:
        while not self._closed:
            await self._arrived.wait()
            async with self._lane.turn:
                batch = self._cut()
                if batch:
                    await self._answer(batch)

    def _cut(self) -> list[_Waiting[Item, Result]]:
        """The oldest requests that are still wanted, at most `max_batch`; the late are answered here, not computed."""
        now = asyncio.get_running_loop().time()
        batch: list[_Waiting[Item, Result]] = []
        while self._waiting and len(batch) < self._max_batch:
            entry = self._waiting.popleft()
            if entry.deadline <= now:
                _fail(entry, Late())
            elif not entry.future.done():
                batch.append(entry)
        if not self._waiting:
            self._arrived.clear()
        return batch

    async def _answer(self, batch: list[_Waiting[Item, Result]]) -> None:
        """Run one batch and answer each of its items; whatever goes wrong reaches these items and nobody else."""
        try:
            await self._run_batch(batch)
        except Exception as error:
            if len(batch) == 1 or isinstance(error, WrongLength):
                for entry in batch:
                    _fail(entry, error)
                return
            log.warning("a batch of %d failed (%r); running its items one by one", len(batch), error)
            await self._one_by_one(batch)

    async def _one_by_one(self, batch: list[_Waiting[Item, Result]]) -> None:
        # One bad item must not cost its neighbours their answers.
        loop = asyncio.get_running_loop()
        for entry in batch:
            if entry.deadline <= loop.time():
                _fail(entry, Late())
            elif not entry.future.done():
                await self._answer([entry])

    async def _run_batch(self, batch: list[_Waiting[Item, Result]]) -> None:
        loop = asyncio.get_running_loop()
        items = [entry.item for entry in batch]
        started = loop.time()
        results = await loop.run_in_executor(self._lane.executor, _call, self._run, items)
        self._last_s = loop.time() - started
        if len(results) != len(batch):
            raise WrongLength(f"{len(results)} results for {len(batch)} items")
        self._observe(len(batch), self._last_s)
        for entry, value in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(Done(value, started - entry.arrived, self._last_s, len(batch)))


def _call(run: Callable[[list[Item]], Sequence[Result]], items: list[Item]) -> Sequence[Result]:
    # These pass through a future badly: StopIteration never arrives, and SystemExit would end the worker.
    try:
        return run(items)
    except (StopIteration, SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the batch function raised {error!r}") from error


def _fail(entry: _Waiting[Item, Result], error: Exception) -> None:
    if not entry.future.done():
        entry.future.set_exception(error)
