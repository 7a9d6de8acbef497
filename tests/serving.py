"""A real server for tests: uvicorn on a free port, in a thread of this process."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn
from fastapi import FastAPI

from app.web import server as served


@contextmanager
def running(app: FastAPI, **options: Any) -> Iterator[int]:
    """The port of a server with this application, set up as `lineup serve` does, but for these options."""
    config = uvicorn.Config(app, port=0, log_config=None, timeout_graceful_shutdown=5, **(served.options() | options))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            time.sleep(0.01)
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()


def until(condition: Callable[[], bool]) -> None:
    """Wait until `condition()` holds."""
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)
