"""Dynamic batching round any function from a list to a list of the same length.

Requests wait in a queue, where they take turns: one that has a hundred items delays another by one of them. When the
lane (whatever runs the function) has a free stream, the next of them, a stream's share of all that wait, are cut off as
one batch. Nothing waits for a batch to fill, so there is no timer to tune and a lone request runs at once; batches grow
by themselves while every stream is busy. Several batchers may share one lane: it serves them in turn, and each cuts its
batch only when its turn has come. With several streams `run` is called from several threads at once. All else happens
in callbacks of the event loop: tasks would cost more than LeNet.
"""

import asyncio
import logging
import math
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

from app.serving import pace
from app.serving.breaker import Breaker
from app.serving.lane import BackgroundLine, Lane
from app.serving.pace import Pace, QueueFull
from app.serving.tickets import Broken, Closed, Done, Late, Ticket, fail
from app.serving.turns import Turns

Item = TypeVar("Item")
Result = TypeVar("Result")

log = logging.getLogger(__name__)

# Seconds of a thread's work below which what waits stays together: on LeNet a second stream costs more than it spares.
QUICK_S = 0.001


class WrongLength(Exception):
    """The function gave more or fewer results than it got items, so none can be told apart."""


_Batch = list[Ticket[Item, Done[Result]]]
_Rest = deque[_Batch[Item, Result]]  # batches that run on the same stream afterwards
_Ran = Future[tuple[Sequence[Result], float]]


class Batcher(Generic[Item, Result]):
    """Runs `run` on the lane's executor for whoever submits; made and used within one event loop.

    `max_queue`: most that may wait; None: as many as can be answered in time. `observe(size, seconds)` is told of every
    batch that ran. A `run` that raises MemoryError on a batch gets smaller ones from then on. `breaker`: another's.
    """

    def __init__(
        self,
        run: Callable[[list[Item]], Sequence[Result]],
        lane: Lane | BackgroundLine,
        *,
        max_batch: int,
        max_queue: int | None,
        observe: Callable[[int, float], None] = lambda size, seconds: None,
        breaker: Breaker | None = None,
    ) -> None:
        self._run = run
        self._lane = lane
        self._max_batch = max_batch
        self._max_queue = max_queue
        self._observe = observe
        self.pace = Pace()
        self.breaker = breaker or Breaker()
        self._waiting: Turns[Ticket[Item, Done[Result]]] = Turns()
        self._in_line = False
        self._closed = False
        self._item_s = 0.0  # how long a thread worked for one item of the last batch
        self._begun: dict[int, float] = {}  # batches that run, by identity, and since when
        self._streams = 0  # that this batcher has
        self._idle = asyncio.Event()
        self._idle.set()

    def __len__(self) -> int:
        """How many items wait."""
        return len(self._waiting)

    def wait_s(self, party: Hashable = None, more: int = 0) -> float:
        """Seconds after which a new item of `party` would be answered, by what was measured; `more`: items that will
        come before it.
        """
        ahead = self._waiting.ahead(party) + more + 1
        turns = math.ceil(ahead / self._max_batch)
        return (ahead * self.pace.item_s + self._lane.backlog_s(turns, self)) / self._lane.streams

    def backlog_s(self, turns: int) -> float:
        """Seconds of a stream that so many batches of what waits would take."""
        return min(len(self._waiting), turns * self._max_batch) * self.pace.item_s

    def busy_s(self) -> float:
        """For how many seconds the oldest batch that runs has been running; 0 where none does."""
        return time.perf_counter() - min(self._begun.values()) if self._begun else 0.0

    def check(self, deadline: float, party: Hashable = None, more: int = 0) -> None:
        """Raise QueueFull where those that wait are too many, or a new item would be late because of them."""
        within_s = deadline - asyncio.get_running_loop().time()
        pace.check(len(self._waiting) + more, self._max_queue, self.wait_s(party, more), within_s)

    async def submit(self, item: Item, deadline: float, party: Hashable = None) -> Done[Result]:
        """Wait for the result of one item until `deadline`, a time of the event loop's clock. `party`: on whose behalf;
        None: on its own.

        Raises QueueFull at once, Late at the deadline, Closed on shutdown, Broken where `run` fails again and again,
        and whatever `run` raised for this item. A cancelled caller leaves the queue; the item is then never computed.
        """
        loop = asyncio.get_running_loop()
        if self._closed:
            raise Closed
        if loop.time() >= deadline:
            raise Late
        party = object() if party is None else party
        self.check(deadline, party)
        if not self.breaker.lets_through():
            raise Broken(self.breaker.wait_s())
        ticket: Ticket[Item, Done[Result]] = Ticket(item, party, deadline, time.perf_counter(), loop.create_future())
        timer = loop.call_at(deadline, self._drop, ticket)
        self._waiting.append(party, ticket)
        self._line_up()
        try:
            return await ticket.future
        except asyncio.CancelledError:
            self._drop(ticket)
            raise
        finally:
            timer.cancel()
            del ticket  # an error remembers this frame: with the ticket it would keep itself, and the item, until gc

    async def close(self) -> None:
        """Answer what waits with Closed, let running batches finish, and stop."""
        self._closed = True
        fail(self._waiting.clear(), Closed())
        await self._idle.wait()

    def start(self) -> bool:
        """Run a batch on a stream that is free now; False where nothing waits any more. For the lane."""
        self._in_line = False
        batch = self._cut()
        self._streams += bool(batch)
        self._line_up()  # for the rest
        if batch:
            self._idle.clear()
            self._run_next(deque([batch]))
        return bool(batch)

    def _drop(self, ticket: Ticket[Item, Done[Result]]) -> None:
        """Answer an item with Late if nothing else did, and compute it no more."""
        fail([ticket], Late())
        self._waiting.remove(ticket.party, ticket)

    def _is_quick(self) -> bool:
        """Whether all that waits is hardly any work."""
        return self._item_s * len(self._waiting) < QUICK_S

    def _line_up(self) -> None:
        if self._waiting and not self._in_line and not (self._streams and self._is_quick()):
            self._in_line = True
            self._lane.enter(self)

    def _cut(self) -> _Batch[Item, Result]:
        """The next that are still wanted, at most `max_batch`; of hard work only this stream's share of them."""
        share = len(self._waiting) if self._is_quick() else math.ceil(len(self._waiting) / self._lane.streams)
        batch: _Batch[Item, Result] = []
        while len(batch) < min(share, self._max_batch) and (ticket := self._waiting.pop()) is not None:
            if ticket.is_wanted():
                batch.append(ticket)
        return batch

    def _run_next(self, batches: _Rest[Item, Result]) -> None:
        """Run the first of `batches` on the stream that this batcher has; after the last give the stream back."""
        while batches:
            batch = [ticket for ticket in batches.popleft() if ticket.is_wanted()]
            if batch and self._run_one(batch, batches):
                return
        self._streams -= 1
        if not self._streams:
            self._idle.set()
        self._line_up()
        self._lane.leave(self)

    def _run_one(self, batch: _Batch[Item, Result], rest: _Rest[Item, Result]) -> bool:
        loop = asyncio.get_running_loop()
        started = self._begun[id(batch)] = time.perf_counter()
        ran = partial(self._ran, batch, rest, started)
        try:
            future = self._lane.executor.submit(pace.timed, self._run, [ticket.item for ticket in batch])
        except RuntimeError as error:  # no thread can be started
            del self._begun[id(batch)]
            fail([*batch, *self._waiting.clear()], error)
            return False
        future.add_done_callback(partial(loop.call_soon_threadsafe, ran))
        return True

    def _ran(
        self, batch: _Batch[Item, Result], rest: _Rest[Item, Result], started: float, future: _Ran[Result]
    ) -> None:
        """Answer each item of a batch; whatever went wrong reaches these items and nobody else."""
        del self._begun[id(batch)]
        try:
            error = future.exception()
            if error is None:
                self._answer(batch, started, *future.result())
            else:
                self._failed(batch, rest, error)
        finally:
            self._run_next(rest)

    def _answer(self, batch: _Batch[Item, Result], started: float, results: Sequence[Result], worked: float) -> None:
        self._item_s = worked / len(batch)
        took = time.perf_counter() - started
        self.pace.saw(len(batch), took)
        if len(results) != len(batch):
            self.breaker.failed()
            fail(batch, WrongLength(f"{len(results)} results for {len(batch)} items"))
            return
        self.breaker.succeeded()
        for ticket, value in zip(batch, results, strict=True):
            if not ticket.future.done():
                ticket.future.set_result(Done(value, started - ticket.arrived, took, len(batch)))
        self._observe(len(batch), took)
        self._shed()

    def _shed(self) -> None:
        """Refuse now what turns out to have no chance any more, instead of at its deadline."""
        now, item_s = asyncio.get_running_loop().time(), self.pace.item_s / self._lane.streams
        for ticket in pace.hopeless(self._waiting, item_s, now):
            fail([ticket], QueueFull(len(self._waiting), len(self._waiting) * item_s, ticket.deadline - now))
            self._waiting.remove(ticket.party, ticket)

    def _failed(self, batch: _Batch[Item, Result], rest: _Rest[Item, Result], error: BaseException) -> None:
        """One bad item must not cost its neighbours their answers; but what fails on everything is not tried on all."""
        if isinstance(error, MemoryError) and len(batch) > 1:
            self._max_batch = half = len(batch) // 2
            log.warning("no memory for a batch of %d: at most %d from now on", len(batch), half)
            rest.extendleft([batch[half:], batch[:half]])
        elif self.breaker.failed():
            log.error("failed again and again (%r): not tried for %g s", error, self.breaker.wait_s())
            others = [*(ticket for other in rest for ticket in other), *self._waiting.clear()]
            fail(batch, error)
            fail(others, Broken(self.breaker.wait_s()))
        elif len(batch) == 1:
            fail(batch, error)
        else:
            log.warning("a batch of %d failed (%r); running its items one by one", len(batch), error)
            rest.extendleft([ticket] for ticket in reversed(batch))
