"""The outermost layer: what holds for every request and every answer."""

import asyncio
import logging
import random
import time
from collections.abc import Iterable
from contextlib import suppress

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import show
from app.serving.metrics import Metrics
from app.web import refusals

log = logging.getLogger(__name__)

DRAIN_S = 2.0

# Nothing may load from anywhere; a page that needs its own scripts says so itself. Names in lower case, as ASGI wants.
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
)


class Outermost:
    """ASGI middleware: security headers, a request id, metrics, and an answer to whatever was not foreseen."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics
        self._random = random.Random()  # request ids tell requests apart; nobody need be unable to guess them

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(f"{self._random.getrandbits(64):016x}", scope, receive, send)
        started = time.perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or 499  # nobody is there to be answered
        except Exception:
            log.exception("request %s failed: %s %s", exchange.id, scope["method"], show(scope["path"]))
            await exchange.fail()
        finally:
            self._metrics.answered(_route(scope), exchange.status or 499, time.perf_counter() - started)


class _Exchange:
    """One request and its answer on their way through."""

    def __init__(self, name: str, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self.id = name
        self.status = 0
        self._body_read = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._body_read = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._completed(message.get("headers", ()))}
        elif not message.get("more_body", False) and self._unread():
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, with those that every answer has and it does not set itself."""
        own = dict(headers)
        missing = [header for header in HEADERS if header[0] not in own]
        return [*headers, *missing, (b"x-request-id", self.id.encode())]

    async def fail(self) -> None:
        if self.status:
            raise RuntimeError(f"request {self.id} broke off in the middle of its answer")
        answer = refusals.response("internal", f"the service failed; its log says more under request {self.id}")
        await answer(self._scope, self._receive, self.send)

    def _unread(self) -> bool:
        if self._body_read:
            return False
        headers = dict(self._scope["headers"])
        has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        # Who asked with Expect: 100-continue and was refused sends no body.
        return has_body and b"expect" not in headers

    async def _drain(self) -> None:
        # A refused upload is still on its way. Closing on it resets the connection, and many a client then never
        # reads the refusal; so throw the rest away for a moment.
        with suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_S):
                while not self._body_read:
                    await self.receive()


def _route(scope: Scope) -> str:
    """The route's pattern, never the path as sent: labels must stay few."""
    return getattr(scope.get("route"), "path", None) or "other"
