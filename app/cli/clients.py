"""Puts a load on a service and costs little itself, since it often runs on the same cores.

Closed loop: so many clients, each of which asks again as soon as it is answered. Open loop: requests are due at times
that do not depend on the answers, and what a request waits because those before it are late counts: latencies begin at
the time when a request was due. An asyncio protocol on keep-alive connections, httptools, and nothing awaited for a
request: the last byte of an answer sends the next request.
"""

import asyncio
import selectors
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator
from math import inf
from typing import cast

import httptools

from app.cli.load import Load, Tally, Target, arrivals

REFUSED, BROKEN, NOT_HTTP, LATE = "no connection", "connection broken", "not HTTP", "no answer in time"
SWEEP_S, TICK_S, KNOCK_S = 0.05, 0.25, 0.1
RECEIVED_BYTES = 16384


def run(target: Target, load: Load, tick: Callable[[Tally, float], None] | None = None) -> Tally:
    """Put the load on the target, wait until every request is answered or has failed, and tell what came of it.

    `tick` is called with the time a few times a second. select() wakes to the microsecond, epoll and uvloop to the
    millisecond, which is as long as the quickest answers take.
    """
    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.SelectSelector())) as runner:
        return runner.run(_whole(target, load, tick))


async def _whole(target: Target, load: Load, tick: Callable[[Tally, float], None] | None) -> Tally:
    begin = now = time.monotonic()
    tally = Tally(begin + load.warm_up_s, begin + load.warm_up_s + load.seconds)
    clients = Clients(target, load, tally)
    cpu: list[tuple[float, float]] = []  # (time, processor time) once the warm-up is over, and at the end
    ticks = 0
    clients.begin(begin)
    try:
        while now < tally.end or clients.pending:
            await asyncio.sleep(SWEEP_S)
            now = time.monotonic()
            clients.sweep(now)
            if len(cpu) < 2 and now >= (tally.end if cpu else tally.start):
                cpu.append((now, time.process_time()))
            if tick is not None and now - begin >= ticks * TICK_S:
                ticks += 1
                tick(tally, now)
    finally:
        clients.close()
    (began, used_before), (ended, used) = cpu[0], cpu[-1]
    tally.cpu = (used - used_before) / (ended - began) if ended > began else 0.0
    return tally


class Clients:
    """The connections of one load, and what they are to ask next."""

    def __init__(self, target: Target, load: Load, tally: Tally) -> None:
        self._target, self._load, self._tally = target, load, tally
        self._secure = ssl.create_default_context() if target.secure else None
        self._asking: set[Connection] = set()
        self._idle: list[Connection] = []  # the one used last is used next, so that none that is needed grows old
        self._waiting: deque[float] = deque()  # when those were due that no connection is free for
        self._opening: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> int:
        """How much is under way: requests, and connections that are being opened."""
        return len(self._asking) + len(self._waiting) + len(self._opening)

    def begin(self, now: float) -> None:
        """Every client of a closed loop asks, and goes on by itself until the end; or the first request is due."""
        if self._load.rate is None:
            self._waiting.extend([now] * self._load.clients)
            self._go_on()
        else:
            dues = arrivals(now, self._tally.end, self._load.rate, self._load.arrivals)
            self._arrive(next(dues, inf), dues)

    def _arrive(self, due: float, dues: Iterator[float]) -> None:
        """Ask what is due by now, and come again when the next is."""
        now = time.monotonic()
        while due <= now:
            if due >= self._tally.start:
                self._tally.sent_late.append(now - due)
            self._waiting.append(due)
            due = next(dues, inf)
        if due < inf:
            asyncio.get_running_loop().call_at(due, self._arrive, due, dues)
        self._go_on()

    def answered(self, connection: "Connection", outcome: str, *, stays_open: bool = False) -> None:
        """Count what came of the request on this connection, and go on."""
        if connection in self._asking:
            self._asking.remove(connection)
            if stays_open:
                self._idle.append(connection)
            self._settle(connection.due, outcome)
            self._go_on()

    def lost(self, connection: "Connection") -> None:
        """This connection is closed; what it was asked has failed."""
        if connection in self._idle:
            self._idle.remove(connection)
        self.answered(connection, BROKEN)

    def sweep(self, now: float) -> None:
        """Give up what has waited for too long."""
        oldest = now - self._load.timeout_s
        for connection in [asking for asking in self._asking if asking.due < oldest]:
            self.answered(connection, LATE)
            connection.close()  # an answer that still comes must not pass for the next one's
        while self._waiting and self._waiting[0] < oldest:
            self._settle(self._waiting.popleft(), LATE)
        self._go_on()

    def close(self) -> None:
        """Hang up."""
        for task in self._opening:
            task.cancel()
        for connection in [*self._asking, *self._idle]:
            connection.close()

    def _settle(self, due: float, outcome: str) -> None:
        now = time.monotonic()
        self._tally.add(due, now, outcome)
        if self._load.rate is None and now < self._tally.end:
            self._waiting.append(now)

    def _go_on(self) -> None:
        while self._waiting and self._idle:
            connection = self._idle.pop()
            self._asking.add(connection)
            connection.ask(self._waiting.popleft())
        room = self._load.clients - len(self._asking) - len(self._opening)
        for _ in range(min(room, len(self._waiting) - len(self._opening))):
            self._opening.add(asyncio.create_task(self._open()))

    async def _open(self) -> None:
        target = self._target
        try:
            async with asyncio.timeout(self._load.timeout_s):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self, target.request), target.host, target.port, ssl=self._secure
                )
            self._idle.append(connection)
        except OSError:  # TimeoutError is one
            await asyncio.sleep(KNOCK_S)  # or a closed loop would do nothing but knock
            if self._waiting:
                self._settle(self._waiting.popleft(), REFUSED)
        finally:
            self._opening.discard(asyncio.current_task())
        self._go_on()


class Connection(asyncio.BufferedProtocol):
    """One that is kept alive and asks one thing at a time; `due` is when the request was due that it asks."""

    def __init__(self, clients: Clients, request: bytes) -> None:
        self.due = 0.0
        self._clients, self._request = clients, request
        self._parser = httptools.HttpResponseParser(self)
        self._transport: asyncio.Transport | None = None
        self._received = memoryview(bytearray(RECEIVED_BYTES))

    def ask(self, due: float) -> None:
        """Send the request."""
        assert self._transport is not None
        self.due = due
        self._transport.write(self._request)

    def close(self) -> None:
        """At once, whatever is under way."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, sizehint: int) -> memoryview:
        """asyncio's; it would allocate 256 KiB for every answer otherwise."""
        return self._received

    def buffer_updated(self, nbytes: int) -> None:
        """asyncio's."""
        try:
            self._parser.feed_data(self._received[:nbytes])
        except httptools.HttpParserError:
            self._clients.answered(self, NOT_HTTP)
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio's."""
        self._clients.lost(self)

    def on_message_complete(self) -> None:
        """The parser's."""
        status = self._parser.get_status_code()
        if status >= 200:  # 100 Continue, say, is not yet the answer
            stays_open = self._parser.should_keep_alive()
            if not stays_open:
                self.close()
            self._clients.answered(self, str(status), stays_open=stays_open)
