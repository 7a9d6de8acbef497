"""Dynamic batching round any function from a list to a list of the same length.

Requests wait in a queue. When the lane (whatever runs the function) has a free stream, the oldest of them, a stream's
share of all that wait, are cut off as one batch. Nothing waits for a batch to fill, so there is no timer to tune and a
lone request runs at once; batches grow by themselves while every stream is busy. Several batchers may share one lane:
it serves them in turn, and each cuts its batch only when its turn has come. With several streams `run` is called from
several threads at once. All else happens in callbacks of the event loop: tasks would cost more than LeNet.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Generic, TypeVar

from app.serving.lane import Lane

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

# Seconds of a thread's work below which what waits stays together: on LeNet a second stream costs more than it spares.
QUICK_S = 0.001


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
class Done(Generic[Result]):
    """A result with what it took: seconds in the queue, seconds of the batch, and how many shared it."""

    value: Result
    queued_s: float
    ran_s: float
    batch_size: int


@dataclass(eq=False, slots=True)
class _Waiting(Generic[Item, Result]):
    item: Item
    deadline: float
    arrived: float
    future: asyncio.Future[Done[Result]]


_Batch = list[_Waiting[Item, Result]]
_Rest = deque[_Batch[Item, Result]]  # batches that run on the same stream afterwards
_Ran = Future[tuple[Sequence[Result], float]]


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
        self._in_line = False
        self._closed = False
        self._last_s = 0.0  # how long the last batch took, for Retry-After
        self._item_s = 0.0  # how long a thread worked for one item of it
        self._streams = 0  # that this batcher has
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many requests wait."""
        return len(self._waiting)

    async def submit(self, item: Item, deadline: float) -> Done[Result]:
        """Wait for the result of one item until `deadline`, a time of the event loop's clock.

        Raises QueueFull at once, Late at the deadline, Closed on shutdown, and whatever `run` raised for this item.
        A cancelled caller leaves the queue; the item is then never computed.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise Closed
        if loop.time() >= deadline:
            raise Late
        if len(self._waiting) >= self._max_queue:
            rounds = math.ceil((len(self._waiting) + 1) / (self._max_batch * self._lane.streams))
            raise QueueFull(len(self._waiting), self._last_s * rounds)
        entry: _Waiting[Item, Result] = _Waiting(item, deadline, time.perf_counter(), loop.create_future())
        timer = loop.call_at(deadline, self._drop, entry)
        self._waiting.append(entry)
        self._line_up()
        try:
            return await entry.future
        except asyncio.CancelledError:
            self._drop(entry)
            raise
        finally:
            timer.cancel()
            del entry  # an error remembers this frame: with the entry it would keep itself, and the item, until gc

    async def close(self) -> None:
        """Answer what waits with Closed, let running batches finish, and stop."""
        self._closed = True
        _fail_all(self._waiting, Closed())
        self._waiting.clear()
        await self._idle.wait()

    def _drop(self, entry: _Waiting[Item, Result]) -> None:
        """Answer an item with Late if nothing else did, and compute it no more."""
        _fail_all([entry], Late())
        with suppress(ValueError):  # it runs already
            self._waiting.remove(entry)

    def _is_quick(self) -> bool:
        """Whether all that waits is hardly any work."""
        return self._item_s * len(self._waiting) < QUICK_S

    def _line_up(self) -> None:
        if self._waiting and not self._in_line and not (self._streams and self._is_quick()):
            self._in_line = True
            self._lane.enter(self._start)

    def _start(self) -> bool:
        """Run a batch on a stream that is free now; False where nothing waits any more."""
        self._in_line = False
        batch = self._cut()
        self._streams += bool(batch)
        self._line_up()  # for the rest
        if batch:
            self._idle.clear()
            self._run_next(deque([batch]))
        return bool(batch)

    def _cut(self) -> _Batch[Item, Result]:
        """The oldest that are still wanted, at most `max_batch`; of hard work only this stream's share of them."""
        share = len(self._waiting) if self._is_quick() else math.ceil(len(self._waiting) / self._lane.streams)
        batch: _Batch[Item, Result] = []
        while self._waiting and len(batch) < min(share, self._max_batch):
            entry = self._waiting.popleft()
            if self._is_wanted(entry):
                batch.append(entry)
        return batch

    def _is_wanted(self, entry: _Waiting[Item, Result]) -> bool:
        """Whether to compute an item; the late are answered here."""
        if entry.deadline <= asyncio.get_running_loop().time():
            _fail_all([entry], Late())
        return not entry.future.done()

    def _run_next(self, batches: _Rest[Item, Result]) -> None:
        """Run the first of `batches` on the stream that this batcher has; after the last give the stream back."""
        while batches:
            batch = [entry for entry in batches.popleft() if self._is_wanted(entry)]
            if batch and self._run_one(batch, batches):
                return
        self._streams -= 1
        if not self._streams:
            self._idle.set()
        self._line_up()
        self._lane.leave(self._start)

    def _run_one(self, batch: _Batch[Item, Result], rest: _Rest[Item, Result]) -> bool:
        loop = asyncio.get_running_loop()
        ran = partial(self._ran, batch, rest, time.perf_counter())
        try:
            future = self._lane.executor.submit(_call, self._run, [entry.item for entry in batch])
        except RuntimeError as error:  # no thread can be started
            _fail_all([*batch, *self._waiting], error)
            self._waiting.clear()
            return False
        future.add_done_callback(partial(loop.call_soon_threadsafe, ran))
        return True

    def _ran(
        self, batch: _Batch[Item, Result], rest: _Rest[Item, Result], started: float, future: _Ran[Result]
    ) -> None:
        """Answer each item of a batch; whatever went wrong reaches these items and nobody else."""
        try:
            error = future.exception()
            if error is None:
                self._answer(batch, started, *future.result())
            elif len(batch) == 1:
                _fail_all(batch, error)
            else:  # one bad item must not cost its neighbours their answers
                log.warning("a batch of %d failed (%r); running its items one by one", len(batch), error)
                rest.extendleft([entry] for entry in reversed(batch))
        finally:
            self._run_next(rest)

    def _answer(self, batch: _Batch[Item, Result], started: float, results: Sequence[Result], worked: float) -> None:
        self._item_s = worked / len(batch)
        took = self._last_s = time.perf_counter() - started
        if len(results) != len(batch):
            _fail_all(batch, WrongLength(f"{len(results)} results for {len(batch)} items"))
            return
        for entry, value in zip(batch, results, strict=True):
            if not entry.future.done():
                entry.future.set_result(Done(value, started - entry.arrived, took, len(batch)))
        self._observe(len(batch), took)


def _call(run: Callable[[list[Item]], Sequence[Result]], items: list[Item]) -> tuple[Sequence[Result], float]:
    """The results, and the seconds that this thread worked for them, without those that it waited."""
    begun = time.thread_time()
    # These pass through a future badly: StopIteration never arrives, and SystemExit would end the worker.
    try:
        return run(items), time.thread_time() - begun
    except (StopIteration, SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the batch function raised {error!r}") from error


def _fail_all(batch: Iterable[_Waiting[Item, Result]], error: BaseException) -> None:
    for entry in batch:
        if not entry.future.done():
            entry.future.set_exception(error)
