"""A real server for tests: on a free port, in a thread of this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fastapi import FastAPI
from starlette.types import ASGIApp

from app.web import listening
from app.web.server import Server
from tests.fakes import fake_service


@contextmanager
def running(app: FastAPI | ASGIApp, **options: Any) -> Iterator[int]:
    """The port of a server with this application, as `lineup serve` starts it, but for these options."""
    sockets = listening.bind("127.0.0.1", 0)
    service = app.state.service if isinstance(app, FastAPI) else fake_service()
    server = Server(app, service, sockets, log_config=None, **({"timeout_graceful_shutdown": 5} | options))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield server.port
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def until(condition: Callable[[], bool], seconds: float = 30) -> None:
    """Wait until `condition()` holds, which it has to within so many seconds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
