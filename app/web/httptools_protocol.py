"""uvicorn's quick parser with the bounds and manners of its careful one.

httptools keeps whatever a client sends as a head, without end; h11 has a bound. It makes of all that came at once
requests that wait for their turn, a hundred times as large as they were sent; h11 reads one after the other. And it
takes an offer to change the protocol (`Upgrade: h2c`, which curl makes with --http2) for the end of the request, so
that the body is lost; h11 goes on with HTTP/1.1, as RFC 9110, section 7.8, allows.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.web.connection import NO_HTTP, Connection
from app.web.h11_protocol import CarefulProtocol

MAX_HEAD = 64 * 1024  # bytes of a request's line, headers and trailers
MOST_WAITING = 16  # requests behind the one that is answered; 256 kB, one read, hold ten thousand


class Refused(Exception):
    """A request that is read no further; the message says why."""


class BoundedProtocol(Connection, HttpToolsProtocol):
    """HTTP/1.1 on one connection."""

    _head = 0  # bytes of this request's line, headers and trailers
    _hosts = 0
    _in_head = False
    _at_work: Any = None  # the cycle that is being answered; `cycle` is the newest that came, which may wait behind it
    _unparsed = 0  # bytes since the parser last made something of them: a header's beginning, an endless extension

    def data_received(self, data: bytes) -> None:
        """Take what came. What is no HTTP, or has no end, is answered 400, and the connection closed."""
        if self._last:
            return
        self._heard()
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
            if self._unparsed > MAX_HEAD:
                raise _too_long()
        except httptools.HttpParserUpgrade as offer:
            self._go_on_with_h11(data[offer.args[0] :])
        except (httptools.HttpParserError, Refused) as error:
            cause = error.__context__ or error
            self.send_400_response(str(cause) if isinstance(cause, Refused) else NO_HTTP)

    def connection_lost(self, exc: Exception | None) -> None:
        """Nobody waits for an answer any more; uvicorn tells the newest request alone."""
        if self._at_work is not None and not self._at_work.response_complete:
            self._at_work.disconnected = True
            self._at_work.message_event.set()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """See Connection. A request that broke off while it waited for its turn is forgotten, and those before it are
        answered.
        """
        if self.pipeline and self.cycle.more_body:
            self.pipeline.popleft()
            self.cycle = self.pipeline[0][0] if self.pipeline else self._at_work
        super().send_400_response(msg)

    def on_message_begin(self) -> None:
        """A request begins."""
        super().on_message_begin()
        self._head = self._hosts = self._unparsed = 0
        self._in_head = True
        if self._head_since is None:
            self._head_since = self.loop.time()

    def on_url(self, url: bytes) -> None:
        """A part of the path as it came."""
        super().on_url(url)
        self._count(len(url))

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header, or a trailer, which nothing here looks at."""
        self._count(len(name) + len(value) + len(b": \r\n"))
        if self._in_head:
            super().on_header(name, value)
            self._hosts += self.headers[-1][0] == b"host"

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._in_head = False
        self._unparsed = 0
        if self._hosts != 1 and self.parser.get_http_version() == "1.1":  # RFC 9112, section 3.2
            raise Refused(f"the request has {self._hosts} Host headers; HTTP/1.1 wants one")
        if len(self.pipeline) >= MOST_WAITING:
            raise Refused(f"{MOST_WAITING} requests wait on this connection already; ask again on another")
        self._head_since = None
        super().on_headers_complete()
        if not self.pipeline:
            self._at_work = self.cycle

    def on_response_complete(self) -> None:
        """The next that waits has its turn."""
        if self.pipeline:
            self._at_work = self.pipeline[-1][0]
        super().on_response_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._unparsed = 0
        super().on_body(body)

    def _count(self, size: int) -> None:
        self._unparsed = 0
        self._head += size
        if self._head > MAX_HEAD:
            raise _too_long()

    def _should_upgrade(self) -> bool:
        return True  # see _go_on_with_h11, which does without what h11 does not know

    def _go_on_with_h11(self, rest: bytes) -> None:
        if self._answering():  # h11 could not wait for that answer: it is the last one, and whoever offers comes again
            self._last = True
            self.cycle.keep_alive = False
            return
        self._forget()
        line = f"{self.scope['method']} {self.url.decode('latin-1')} HTTP/{self.scope['http_version']}\r\n"
        headers = b"".join(b"%b: %b\r\n" % header for header in self.headers)
        protocol = CarefulProtocol(self.config, self.server_state, self.app_state)
        protocol.connection_made(self.transport)
        self.transport.set_protocol(protocol)
        protocol.data_received(line.encode("latin-1") + headers + b"\r\n" + rest)


def _too_long() -> Refused:
    return Refused(f"the request's line and headers are longer than {MAX_HEAD} bytes; at most so many are taken")
