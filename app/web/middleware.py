"""The outermost layer: what holds for every request and every answer."""

import asyncio
import logging
import secrets
import time
from contextlib import suppress

from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import show
from app.serving.metrics import Metrics
from app.web import refusals

log = logging.getLogger(__name__)

DRAIN_S = 2.0

# Nothing may load from anywhere; a page that needs its own scripts says so itself.
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-cache",
}


class Outermost:
    """ASGI middleware: security headers, a request id, metrics, and an answer to whatever was not foreseen."""

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        exchange = _Exchange(scope, receive, send)
        started = time.perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or 499  # nobody is there to be answered
        except Exception:
            log.exception("request %s failed: %s %s", exchange.id, scope["method"], show(scope["path"]))
            await exchange.fail()
        finally:
            route = _route(scope)
            self._metrics.requests.labels(route, str(exchange.status or 499)).inc()
            self._metrics.latency.labels(route).observe(time.perf_counter() - started)


class _Exchange:
    """One request and its answer on their way through."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self.id = secrets.token_hex(8)
        self.status = 0
        self._body_read = False

    async def receive(self) -> Message:
        message = await self._receive()
        self._body_read = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-ID"] = self.id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
        elif not message.get("more_body", False) and self._unread():
            await self._send({**message, "more_body": True})
            await self._drain()
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)

    async def fail(self) -> None:
        if self.status:
            raise RuntimeError(f"request {self.id} broke off in the middle of its answer")
        answer = refusals.response("internal", f"the service failed; its log says more under request {self.id}")
        await answer(self._scope, self._receive, self.send)

    def _unread(self) -> bool:
        headers = dict(self._scope["headers"])
        has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        # Who asked with Expect: 100-continue and was refused sends no body.
        return has_body and not self._body_read and b"expect" not in headers

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
