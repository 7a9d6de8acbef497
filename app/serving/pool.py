"""Threads that work on one thing at a time, and on which requests take turns."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from functools import partial
from typing import Any, Protocol, TypeVar

from app.serving import pace
from app.serving.pace import Pace, QueueFull
from app.serving.threads import Threads
from app.serving.tickets import Closed, Late, Ticket, fail
from app.serving.together import copy
from app.serving.turns import Turns

T = TypeVar("T")


class Held(Protocol):
    """What work on a thread keeps until it is done, whether or not anybody still waits for it."""

    def hold(self) -> None: ...

    def release(self) -> None: ...


_Ticket = Ticket[tuple[Callable[[], Any], Held], Any]


class Pool:
    """`threads` threads, of which a party, a request, has at most `places` at once; made and used within one event
    loop.
    """

    def __init__(self, threads: int, places: int, name: str) -> None:
        self._executor = Threads(threads, name)
        self._threads = self._free = threads
        self._places = places
        self._at_work: Counter[Hashable] = Counter()
        self._begun: dict[int, float] = {}
        self._waiting: Turns[_Ticket] = Turns()
        self._closed = False
        self.pace = Pace()

    def __len__(self) -> int:
        """How many things wait or are at work."""
        return len(self._waiting) + self._threads - self._free

    def wait_s(self, party: Hashable = None) -> float:
        """Seconds after which a new thing of `party` would be done, by what was measured."""
        return (self._waiting.ahead(party) + 1) * self.pace.item_s / self._threads

    def busy_s(self) -> float:
        """For how many seconds the oldest work has been going on; 0 where none does."""
        return time.perf_counter() - min(self._begun.values()) if self._begun else 0.0

    def check(self, deadline: float, party: Hashable) -> None:
        """Raise QueueFull where a new thing of `party` could not be done by `deadline` because of those that wait."""
        within_s = deadline - asyncio.get_running_loop().time()
        pace.check(len(self._waiting), None, self.wait_s(party), within_s)

    async def run(self, work: Callable[[], T], deadline: float, party: Hashable, held: Held) -> T:
        """What `work` gives on a thread, by `deadline`, a time of the event loop's clock. Raises QueueFull at once,
        Late at the deadline, Closed on shutdown, and whatever `work` raises.

        At the deadline, or when it is cancelled, what waits for a thread is dropped. What has a thread keeps it, and
        `held`, until that is done.
        """
        if self._closed:
            raise Closed
        if not len(self):
            self.pace.item_s = 0.0  # how long the last pictures took tells nothing of those that come after a pause
        self.check(deadline, party)
        loop = asyncio.get_running_loop()
        ticket: _Ticket = Ticket((work, held), party, deadline, time.perf_counter(), loop.create_future())
        timer = loop.call_at(deadline, fail, [ticket], Late())
        self._waiting.append(party, ticket)
        self._serve()
        try:
            answer: T = await ticket.future
            return answer
        finally:
            timer.cancel()
            self._waiting.remove(party, ticket)
            del ticket, work, held  # an error remembers this frame, and would keep the upload until gc comes by

    def start(self) -> None:
        """Start a thread. RuntimeError if that cannot be."""
        self._executor.start()

    async def close(self) -> None:
        """Let what is at work end, answer what waits with Closed, and stop every thread."""
        self._closed = True
        fail(self._waiting.clear(), Closed())
        await asyncio.to_thread(self._executor.shutdown)

    def _has_room(self, party: Hashable) -> bool:
        return self._at_work[party] < self._places

    def _serve(self) -> None:
        """Give free threads to those whose turn it is."""
        while self._free and (ticket := self._waiting.pop(self._has_room)) is not None:
            if ticket.is_wanted():
                self._start(ticket)

    def _start(self, ticket: _Ticket) -> None:
        work, held = ticket.item
        try:
            future = self._executor.submit(work)
        except RuntimeError as error:  # no thread can be started
            fail([ticket], error)
            return
        self._free -= 1
        self._at_work[ticket.party] += 1
        self._begun[id(future)] = time.perf_counter()
        held.hold()
        done = partial(self._done, held, ticket.party, ticket.future)
        future.add_done_callback(partial(asyncio.get_running_loop().call_soon_threadsafe, done))

    def _done(self, held: Held, party: Hashable, answer: asyncio.Future[Any], future: Future[Any]) -> None:
        """A thread has done its work."""
        self._free += 1
        self._at_work[party] -= 1
        if not self._at_work[party]:
            del self._at_work[party]
        self.pace.saw(1, time.perf_counter() - self._begun.pop(id(future)))
        self._shed()
        held.release()
        copy(future, answer)
        self._serve()

    def _shed(self) -> None:
        """Refuse now what turns out to have no chance any more, instead of at its deadline."""
        now, item_s = asyncio.get_running_loop().time(), self.pace.item_s / self._threads
        for ticket in pace.hopeless(self._waiting, item_s, now):
            fail([ticket], QueueFull(len(self._waiting), len(self._waiting) * item_s, ticket.deadline - now))
            self._waiting.remove(ticket.party, ticket)
