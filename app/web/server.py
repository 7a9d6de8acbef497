"""The server in front of the application: uvicorn, with its quick loop and parser where they are installed."""

import asyncio
from typing import Any


def options() -> dict[str, Any]:
    """What uvicorn is told by whoever serves the application, beside addresses and times."""
    return {
        "loop": "auto",  # uvloop, but on Windows
        "http": protocol(),
        "access_log": False,  # the metrics count requests; a line each would cost more than LeNet
        "server_header": False,
        "timeout_keep_alive": 30,
    }


def protocol() -> type[asyncio.Protocol] | str:
    """What reads HTTP/1.1: httptools within bounds, or h11 where that is not installed."""
    try:
        from app.web.httptools_protocol import BoundedProtocol
    except ImportError:
        return "h11"
    return BoundedProtocol
