"""The last answer on a connection, written by the server itself: what the application never sees is refused here."""

import asyncio
import json
import random
from collections.abc import Iterable
from http import HTTPStatus
from typing import cast

from app.errors import body
from app.web.middleware import HEADERS

LINGER_S = 1.0
LINGER_BYTES = 4 * 1024 * 1024
MOST_LINGERING = 64

_random = random.Random()  # as the application's request ids
_lingering: "dict[asyncio.Transport, None]" = {}  # in the order of their coming


def answer(status: int, code: str, message: str, headers: Iterable[tuple[bytes, bytes]] = ()) -> bytes:
    """A whole HTTP/1.1 answer with an error in the one shape; `headers` are those of every answer."""
    content = json.dumps(body(code, message), ensure_ascii=False, separators=(",", ":")).encode()
    told = {
        **dict(headers),
        **dict(HEADERS),
        b"content-type": b"application/json",
        b"content-length": str(len(content)).encode(),
        b"x-request-id": f"{_random.getrandbits(64):016x}".encode(),
        b"connection": b"close",
    }
    line = f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % header for header in told.items()) + b"\r\n" + content


def part(transport: asyncio.Transport, last: bytes) -> None:
    """Write `last` and close, but throw away for a moment what still comes: closing while something is unread resets
    the connection, and many a client then never reads the answer.
    """
    transport.write(last)
    if not transport.can_write_eof():  # TLS
        transport.close()
        return
    transport.write_eof()
    transport.set_protocol(Lingering(transport))
    if not transport.is_reading():
        transport.resume_reading()


def end_all() -> None:
    """Let nobody linger any more."""
    for transport in list(_lingering):
        transport.abort()


class Lingering(asyncio.Protocol):
    """A connection that is closed when its client has closed, at once where many others linger already, and in any case
    soon.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._left = LINGER_BYTES
        self._timer = asyncio.get_running_loop().call_later(LINGER_S, transport.abort)
        _lingering[transport] = None
        if len(_lingering) > MOST_LINGERING:
            next(iter(_lingering)).abort()

    def data_received(self, data: bytes) -> None:
        """Throw away what came."""
        self._left -= len(data)
        if self._left < 0:
            self._transport.abort()

    def eof_received(self) -> None:
        """The client has read all: close."""

    def connection_lost(self, exc: Exception | None) -> None:
        """It is closed."""
        self._timer.cancel()
        _lingering.pop(self._transport, None)


class Refusing(asyncio.Protocol):
    """A connection that is answered before it has asked."""

    def __init__(self, last: bytes) -> None:
        self._last = last

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Answer and part, once the transport has begun to read."""
        asyncio.get_running_loop().call_soon(self._part, cast(asyncio.Transport, transport))

    def _part(self, transport: asyncio.Transport) -> None:
        if not transport.is_closing():
            part(transport, self._last)
