"""The outermost layer: what holds for every request and every answer."""

import asyncio
import logging
import random
import time
from collections.abc import Callable, Iterable

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.errors import show
from app.serving.metrics import Metrics
from app.web import refusals, request_log
from app.web.drain import drain
from app.web.record import Record, id_sent, put

log = logging.getLogger(__name__)

_POLICY = b"cross-origin-resource-policy"
# Nothing may load from anywhere; a page that needs its own scripts says so itself. Names in lower case, as ASGI wants.
HEADERS = (
    (b"content-security-policy", b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (_POLICY, b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cache-control", b"no-cache"),
)


class Outermost:
    """ASGI middleware: security headers, a request id, metrics, a line of the log, and an answer to whatever was not
    foreseen. `cors` is put round every answer, that one too; `ending`: whether the server is about to end.
    """

    def __init__(
        self,
        app: ASGIApp,
        metrics: Metrics,
        *,
        ending: Callable[[], bool],
        cors: Callable[[ASGIApp], ASGIApp] | None = None,
        log_requests: bool = False,
    ) -> None:
        self._around = cors or (lambda app: app)
        self._app = self._around(app)
        self._metrics = metrics
        self._ending = ending
        self._headers = tuple((n, b"cross-origin") if cors and n == _POLICY else (n, v) for n, v in HEADERS)
        self._log = request_log.open_log() if log_requests else None
        self._random = random.Random()  # request ids tell requests apart; nobody need be unable to guess them

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = Record(id_sent(scope["headers"]) or f"{self._random.getrandbits(64):016x}")
        put(scope, record)
        exchange = _Exchange(record, self._headers, scope, receive, send)
        started = time.perf_counter()
        try:
            await self._app(scope, exchange.receive, exchange.send)
        except ClientDisconnect:
            exchange.status = exchange.status or 499  # nobody is there to be answered
        except asyncio.CancelledError:  # by the server: it ends and has waited long enough; or, on Ray, nobody is there
            if exchange.status or not self._ending():
                raise
            answer = refusals.response("not_ready", "the service is shutting down", headers={"Retry-After": "5"})
            await self._around(answer)(scope, exchange.receive, exchange.send)
        except Exception:
            log.exception("request %s failed: %s %s", record.id, scope["method"], show(scope["path"]))
            await self._fail(exchange, scope)
        finally:
            self._note(exchange, scope, started)

    async def _fail(self, exchange: "_Exchange", scope: Scope) -> None:
        name = exchange.record.id
        if exchange.status:
            exchange.record.code = "internal"  # whatever status was sent
            raise RuntimeError(f"request {name} broke off in the middle of its answer")
        answer = refusals.response("internal", f"the service failed; its log says more under request {name}")
        await self._around(answer)(scope, exchange.receive, exchange.send)

    def _note(self, exchange: "_Exchange", scope: Scope, started: float) -> None:
        """Count a request that is over, and log it where that is wanted."""
        record, status, now = exchange.record, exchange.status or 499, time.perf_counter()
        # An answer in pieces whose client has gone is left without a word (ASGI 2.3): its end never comes.
        code = record.code or ("disconnected" if not exchange.whole else "ok" if status < 400 else "other")
        self._metrics.answered(_route(scope), record.model, status, code, now - started)
        if code == "ok" and record.clock is not None:
            self._metrics.took("total", now - record.clock.start)
        if self._log is not None:
            told = {"id": record.id, "method": scope["method"], "route": _route(scope), "status": status, "code": code}
            told |= {"model": record.model, "dataset": record.dataset, "ms": round((now - started) * 1000, 2)}
            told |= {"bytes_in": exchange.received, "bytes_out": exchange.sent}
            self._log.info(request_log.line(**told, client=(scope.get("client") or ("",))[0]))


class _Exchange:
    """One request and its answer on their way through."""

    def __init__(
        self, record: Record, headers: Iterable[tuple[bytes, bytes]], scope: Scope, receive: Receive, send: Send
    ) -> None:
        self._scope, self._receive, self._send = scope, receive, send
        self._headers = headers
        self.record = record
        self.status = 0
        self.whole = False  # the answer came to its end
        self.received = self.sent = 0  # bytes of bodies
        self._asked_for_body = self._body_read = False

    async def receive(self) -> Message:
        self._asked_for_body = True
        message = await self._receive()
        self.received += len(message.get("body", b""))
        self._body_read = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            message = {**message, "headers": self._completed(message.get("headers", ()))}
            await self._send(message)
            return
        self.sent += len(message.get("body", b""))
        if not message.get("more_body", False) and self._unread():
            await self._send({**message, "more_body": True})
            await drain(self.receive)
            message = {"type": "http.response.body", "body": b"", "more_body": False}
        await self._send(message)
        self.whole = not message.get("more_body", False)

    def _completed(self, headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """The headers of an answer, with those that every answer has and it does not set itself."""
        own = dict(headers)
        missing = [header for header in self._headers if header[0] not in own]
        return [*headers, *missing, (b"x-request-id", self.record.id.encode())]

    def _unread(self) -> bool:
        if self._body_read:
            return False
        headers = dict(self._scope["headers"])
        has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
        # Who asked with Expect: 100-continue sends no body until the server reads it; then it is on its way.
        return has_body and (self._asked_for_body or b"expect" not in headers)


def _route(scope: Scope) -> str:
    """The route's pattern, never the path as sent: labels must stay few."""
    return getattr(scope.get("route"), "path", None) or "other"
