"""Where the service listens: sockets, how many connections they take, and what happens when there can be no more."""

import asyncio
import errno
import logging
import math
import socket
import ssl
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from app.web.parting import MOST_LINGERING, Refusing, answer

log = logging.getLogger(__name__)

BACKLOG = 2048
LOG_S = 10.0  # between two lines about the same
PAUSE_S = 0.5  # without descriptors, until accepting is tried again
NOT_HERE = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}
FULL = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
MOST_DESCRIPTORS = 65536
MOST_CONNECTIONS = 8192  # some ten kilobytes each


def raise_descriptors() -> None:
    """Let this process have as many descriptors as it may, within reason: the soft limit is often only 1,024."""
    try:
        import resource
    except ImportError:  # Windows
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MOST_DESCRIPTORS)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def connections_within_descriptors() -> int:
    """How many connections leave the rest of the process descriptors enough."""
    try:
        import resource
    except ImportError:
        return 256
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(soft // 2, MOST_CONNECTIONS))


def bind(host: str, port: int) -> list[socket.socket]:
    """A socket that listens for each address of `host`; with port 0 on one that is free. Addresses that this machine
    does not have are passed over: `localhost` is one of IPv6 too, where that is switched off. OSError in one line.
    """
    bound: list[socket.socket] = []
    absent: OSError | None = None
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, _, _, _, address in dict.fromkeys(found):
            same = bound[0].getsockname()[1] if bound else port
            try:
                bound.append(_listen(family, (address[0], same, *address[2:])))
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
                absent = error
        if absent is not None and not bound:
            raise absent
    except OSError as error:
        for sock in bound:
            sock.close()
        raise OSError(f"cannot listen on {host}, port {port}: {error.strerror}") from error
    return bound


def _listen(family: int, address: tuple[Any, ...]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    sock.setblocking(False)
    return sock


class Seldom:
    """A warning that is logged once in a while, with how often it was due."""

    def __init__(self) -> None:
        self._next = -math.inf
        self._due = 0

    def warn(self, message: str) -> None:
        """Log `message`, unless that was done a moment ago."""
        self._due += 1
        now = time.monotonic()
        if now >= self._next:
            log.warning("%s (%d times)", message, self._due)
            self._next, self._due = now + LOG_S, 0


@dataclass
class Door:
    """What the listeners of one server share: who is in, and how many may be; `refused` is told of each beyond."""

    connections: Collection[object]
    most: int
    make: Callable[[], asyncio.Protocol]
    headers: Callable[[], list[tuple[bytes, bytes]]]
    tls: ssl.SSLContext | None
    handshake_s: float
    refused: Callable[[], None]
    opening: set[asyncio.Task[None]] = field(default_factory=set)
    refusing: int = 0
    full: Seldom = field(default_factory=Seldom)
    failed: Seldom = field(default_factory=Seldom)

    def take(self, connection: socket.socket) -> None:
        """Let a connection in, or refuse it."""
        connection.setblocking(False)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        taken = len(self.connections) + len(self.opening) - self.refusing
        refused = taken >= self.most
        if refused:
            self.refused()
            self.full.warn(f"{taken} connections are open, and no more are taken")
            if self.refusing >= MOST_LINGERING:
                connection.close()
                return
            self.refusing += 1
        task = asyncio.get_running_loop().create_task(self._open(connection, refused))
        self.opening.add(task)
        task.add_done_callback(self.opening.discard)

    async def _open(self, connection: socket.socket, refused: bool) -> None:
        times = (
            {"ssl_handshake_timeout": self.handshake_s, "ssl_shutdown_timeout": self.handshake_s} if self.tls else {}
        )
        make = self._refuse if refused else self.make
        try:
            await asyncio.get_running_loop().connect_accepted_socket(make, connection, ssl=self.tls, **times)
        except OSError:  # gone already, or does not speak TLS
            connection.close()
        finally:
            self.refusing -= refused

    def _refuse(self) -> asyncio.Protocol:
        told = f"{self.most} connections are open already; try again later"
        return Refusing(answer(503, "too_many_connections", told, [*self.headers(), (b"retry-after", b"1")]))


class Listener:
    """One listening socket, from which connections are taken one at a time: so each of several processes that share it
    takes as many as it has time for. Has the face of asyncio's servers that uvicorn looks at.
    """

    def __init__(self, sock: socket.socket, door: Door) -> None:
        self.sockets = (sock,)
        self._sock, self._door = sock, door
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._loop.add_reader(sock, self._accept)

    def close(self) -> None:
        """Take what has connected, and nothing more."""
        if self._closed:
            return
        self._closed = True
        self._loop.remove_reader(self._sock)
        for _ in range(BACKLOG):
            if not self._accept():
                break
        self._sock.close()

    async def wait_closed(self) -> None:
        """Wait for handshakes that have begun."""
        await asyncio.gather(*self._door.opening, return_exceptions=True)

    def _accept(self) -> bool:
        try:
            connection, _ = self._sock.accept()
        except OSError as error:  # another process was quicker, the client has gone, or there are no descriptors
            if error.errno in FULL:
                self._pause(error)
            return False
        self._door.take(connection)
        return True

    def _pause(self, error: OSError) -> None:
        self._door.failed.warn(f"no connection can be taken: {error.strerror}")
        if not self._closed:
            self._loop.remove_reader(self._sock)
            self._loop.call_later(PAUSE_S, self._go_on)

    def _go_on(self) -> None:
        if not self._closed:
            self._loop.add_reader(self._sock, self._accept)
