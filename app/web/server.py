"""The server in front of the application: uvicorn, with its quick loop and parser where they are installed, and with
what it leaves to others: limits on connections, a head that must come, a drain before the port closes, a reload.
"""

import asyncio
import logging
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any, cast

import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from app.errors import ApiError
from app.serving.service import Service
from app.settings import Settings, split
from app.web import tls
from app.web.connection import Connection
from app.web.listening import Door, Listener, connections_within_descriptors
from app.web.parting import end_all

log = logging.getLogger(__name__)

LAST_LOOK_S = 0.05  # after the port is closed: what has come is read
RELOAD_S = 0.5  # until a reload that could not be yet is tried again
CLOSE = (b"connection", b"close")


def protocol() -> type[asyncio.Protocol]:
    """What reads HTTP/1.1: httptools within bounds, or h11 where that is not installed."""
    try:
        from app.web.httptools_protocol import BoundedProtocol as Protocol
    except ImportError:
        from app.web.h11_protocol import CarefulProtocol as Protocol  # type: ignore[assignment]
    return cast(type[asyncio.Protocol], Protocol)


def options(settings: Settings) -> dict[str, Any]:
    """What uvicorn is told."""
    return {
        "loop": "auto" if sys.platform != "win32" else "asyncio:SelectorEventLoop",
        "http": protocol(),
        "ws": "none",
        "access_log": False,  # the metrics count requests; a line each would cost more than LeNet
        "server_header": False,
        "proxy_headers": bool(split(settings.trusted_proxies)),
        "forwarded_allow_ips": split(settings.trusted_proxies),
        "timeout_keep_alive": 30,
        "timeout_graceful_shutdown": grace_s(settings),
    }


def grace_s(settings: Settings) -> int:
    """Seconds that what was accepted may take to be answered once the port is closed."""
    return int(settings.deadline_s) + 5


class Server(uvicorn.Server):
    """Serves an application, round this service, on sockets that listen.

    `worker` is for one of several processes: a second signal does not end it, since a terminal and the supervisor both
    send one; `on_start` is called once connections are taken. ValueError where the certificate is none.
    """

    def __init__(
        self,
        app: ASGIApp,
        service: Service,
        sockets: Sequence[socket.socket],
        *,
        worker: bool = False,
        on_start: Callable[[], None] = lambda: None,
        **given: Any,
    ) -> None:
        self._service, self._settings = service, service.settings
        super().__init__(uvicorn.Config(app, **(options(self._settings) | given)))
        self._listening = sockets
        self._tls = tls.of(self._settings)
        self._worker = worker
        self._on_start = on_start
        self._ends_at: float | None = None
        self._reloads: set[asyncio.Task[None]] = set()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._listening[0].getsockname()[1])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then take connections."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        door = Door(
            connections=self.server_state.connections,
            most=self._settings.max_connections or connections_within_descriptors(),
            make=self._make,
            headers=lambda: self.server_state.default_headers,
            tls=self._tls,
            handshake_s=self._settings.header_s,
            refused=lambda: self._service.metrics.rejected("too_many_connections"),
        )
        self.servers = cast(list[asyncio.Server], [Listener(sock, door) for sock in self._listening])
        if hasattr(signal, "SIGHUP") and threading.current_thread() is threading.main_thread():
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, self.reload)
        self.started = True
        self._on_start()

    def _make(self) -> asyncio.Protocol:
        make = cast(Callable[..., asyncio.Protocol], self.config.http_protocol_class)
        return make(self.config, self.server_state, self.lifespan.state)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second: is it time to end? Once a second: are there connections that are overdue?"""
        if counter % 10 == 0:
            now = asyncio.get_running_loop().time()
            for connection in list(self.server_state.connections):
                cast(Connection, connection).look(now, self._settings.header_s)
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            self.should_exit = True
        return await super().on_tick(counter)

    def drain(self, seconds: float) -> None:
        """Be not ready, and end in so many seconds; connections end with their next answer."""
        self._service.draining = True
        self._ends_at = min(self._ends_at or time.monotonic() + seconds, time.monotonic() + seconds)
        if CLOSE not in self.config.encoded_headers:
            self.config.encoded_headers.append(CLOSE)
            self.server_state.default_headers = [*self.server_state.default_headers, CLOSE]

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """SIGTERM drains, SIGINT ends without that; a second signal of either kind ends the process at once."""
        if self._ends_at is not None and not self._worker:
            signal.signal(sig, signal.SIG_DFL)
            signal.raise_signal(sig)
            os._exit(128 + sig)  # a container's first process, for which Linux leaves out what a signal does by default
        self.drain(self._settings.drain_s if sig == signal.SIGTERM else 0)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, answer what was accepted, end."""
        self.drain(0)
        for listener in self.servers:
            listener.close()
        await asyncio.sleep(LAST_LOOK_S)
        await super().shutdown()
        end_all()
        await asyncio.sleep(0)

    def reload(self) -> None:
        """Swap checkpoints; what is asked twice while that goes on is done once more, since the files may be newer."""
        if len(self._reloads) < 2:
            task = asyncio.get_running_loop().create_task(self._reload())
            self._reloads.add(task)
            task.add_done_callback(self._reloads.discard)

    async def _reloaded(self) -> bool:
        """Whether that was done; not while the first checkpoints are still loading, as in a new worker."""
        try:
            await self._service.reload()
        except ApiError as error:
            if error.code == "not_ready" and not self._service.draining:
                return False
            raise
        return True

    async def _reload(self) -> None:
        try:
            while not await self._reloaded():
                await asyncio.sleep(RELOAD_S)
        except Exception as error:
            log.error("SIGHUP: %s", error, exc_info=not isinstance(error, ApiError))
