"""What works in the simulation: cores, and stations that batch what waits by the rule of `app.serving.batcher`.

Whoever submits gets an event, which succeeds exactly once with how it ended: DONE, REFUSED, LATE or GONE.
"""

from __future__ import annotations

import math
import random
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any

import simpy

from app.serving.batcher import QUICK_S
from app.serving.pace import Pace, QueueFull, check, hopeless
from bench.capacity.costs import Work

DONE, REFUSED, LATE, GONE = "done", "refused", "late", "gone"
SLICE_S = 0.004  # after which the operating system lets another have the core
Steps = Generator[simpy.Event, Any, None]


class Cores:
    """Cores that whoever works shares, in slices."""

    def __init__(self, env: simpy.Environment, count: int) -> None:
        self._env = env
        self._resource = simpy.Resource(env, count)

    def work(self, seconds: float) -> Steps:
        """Use a core for so long altogether."""
        while seconds > 0:
            with self._resource.request() as turn:
                yield turn
                part = min(seconds, SLICE_S)
                yield self._env.timeout(part)
            seconds -= part


class Own:
    """A core of its own for each who works: a replica that was given one."""

    def __init__(self, env: simpy.Environment) -> None:
        self._env = env

    def work(self, seconds: float) -> Steps:
        """Use it for so long."""
        yield self._env.timeout(seconds)


@dataclass(eq=False)
class Ticket:
    """What waits; `ended` is not triggered twice."""

    deadline: float
    ended: simpy.Event

    def end(self, how: str) -> None:
        """Answer it, if nothing did yet."""
        if not self.ended.triggered:
            self.ended.succeed(how)


def steady(seconds: float) -> float:
    """A service that always takes as long as it takes on average."""
    return seconds


def varying(cv2: float, source: random.Random) -> Callable[[float], float]:
    """Services that are distributed lognormally, with this squared coefficient of variation."""
    sigma = math.sqrt(math.log1p(cv2))
    return lambda seconds: seconds * math.exp(source.gauss(-sigma * sigma / 2, sigma))


class Station:
    """A replica, or a part of a process: `streams` batches at once, cut when a stream is free."""

    def __init__(
        self,
        env: simpy.Environment,
        cores: Cores | Own,
        work: Work,
        *,
        streams: int = 1,
        max_batch: int = 1,
        max_queue: int | None = None,
        vary: Callable[[float], float] = steady,
    ) -> None:
        self._env, self._cores, self._work, self._vary = env, cores, work, vary
        self._streams = self._free = streams
        self._max_batch, self._max_queue = max_batch, max_queue
        self._waiting: deque[Ticket] = deque()
        self._running: set[Ticket] = set()
        self._pace = Pace()
        self.lost = self.buried = False

    def __len__(self) -> int:
        """How many wait or are worked on."""
        return len(self._waiting) + len(self._running)

    def submit(self, deadline: float) -> simpy.Event:
        """Wait for an answer until `deadline`. Refused at once where too many wait, or it would be late for them."""
        ticket = Ticket(deadline, self._env.event())
        if self.buried:
            ticket.end(GONE)
            return ticket.ended
        waiting = len(self._waiting)
        try:
            if not self.lost:  # what is lost refuses nobody: it says nothing
                wait_s = (waiting + 1) * self._pace.item_s / self._streams
                check(waiting, self._max_queue, wait_s, deadline - self._env.now)
        except QueueFull:
            ticket.end(REFUSED)
            return ticket.ended
        self._waiting.append(ticket)
        self._serve()
        return ticket.ended

    def lose(self) -> None:
        """Stop at once, without a word to whoever waits."""
        self.lost = True

    def bury(self) -> None:
        """Tell whoever waits, and whoever still comes, that nothing will be answered here."""
        self.buried = True
        for ticket in (*self._running, *self._waiting):
            ticket.end(GONE)
        self._running.clear()
        self._waiting.clear()

    def _serve(self) -> None:
        while self._free and not self.lost and (batch := self._cut()):
            self._free -= 1
            self._env.process(self._run(batch))

    def _cut(self) -> list[Ticket]:
        """This stream's share of what waits and is still wanted; little work stays together."""
        quick = self._pace.item_s * len(self._waiting) < QUICK_S
        if quick and self._free < self._streams:
            return []
        share = len(self._waiting) if quick else math.ceil(len(self._waiting) / self._streams)
        batch: list[Ticket] = []
        while len(batch) < min(share, self._max_batch) and self._waiting:
            ticket = self._waiting.popleft()
            if ticket.deadline <= self._env.now:
                ticket.end(LATE)
            else:
                batch.append(ticket)
        return batch

    def _run(self, batch: list[Ticket]) -> Steps:
        begun, seconds = self._env.now, self._vary(self._work.seconds(len(batch)))
        self._running.update(batch)
        yield from self._cores.work(seconds)
        self._free += 1
        if self.lost:
            return
        self._running.difference_update(batch)
        self._pace.saw(len(batch), self._env.now - begun)
        for ticket in batch:
            ticket.end(DONE)
        self._shed()
        self._serve()

    def _shed(self) -> None:
        """Refuse now what has no chance any more."""
        if not self._waiting or self._waiting[0].deadline > self._env.now + len(self._waiting) * self._pace.item_s:
            return
        for ticket in hopeless(self._waiting, self._pace.item_s / self._streams, self._env.now):
            ticket.end(REFUSED)
            self._waiting.remove(ticket)
