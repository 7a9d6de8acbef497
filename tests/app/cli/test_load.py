"""The load generator against real sockets: what it counts, when its clock starts, and that nothing hangs it."""

import asyncio
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest

from app.cli import clients
from app.cli.clients import run
from app.cli.load import BOUNDARY, Load, Tally, arrivals, multipart, target
from tests.serving import running

Send = Callable[[dict[str, Any]], Any]


class App:
    """An ASGI application that answers with `statuses` in turn, after `seconds`, and keeps what it was sent."""

    def __init__(self, *statuses: int, seconds: float = 0, headers: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        self.statuses, self.seconds, self.headers = statuses, seconds, headers
        self.scopes: list[dict[str, Any]] = []
        self.bodies: list[bytes] = []
        self.connections: set[tuple[str, int]] = set()

    async def __call__(self, scope: dict[str, Any], receive: Callable[[], Any], send: Send) -> None:
        if scope["type"] == "lifespan":
            await receive()
            await send({"type": "lifespan.startup.complete"})
            await receive()
            await send({"type": "lifespan.shutdown.complete"})
            return
        body = b""
        while (message := await receive()).get("more_body"):
            body += message["body"]
        self.bodies.append(body + message.get("body", b""))
        self.scopes.append(scope)
        self.connections.add(scope["client"])
        status = self.statuses[(len(self.scopes) - 1) % len(self.statuses)]
        await asyncio.sleep(self.seconds)
        head = [(b"content-length", b"2"), *self.headers]
        await send({"type": "http.response.start", "status": status, "headers": head})
        await send({"type": "http.response.body", "body": b"{}"})


@contextmanager
def answering(*replies: bytes | None) -> Iterator[int]:
    """The port of a server that sends each connection these bytes for what comes, then closes; None: never a word."""

    def serve() -> None:
        for number in count():
            try:
                connection, _ = listener.accept()
            except OSError:  # shut down
                return
            reply = replies[number % len(replies)]
            kept.append(connection)
            if reply is not None:
                connection.recv(65536)
                connection.sendall(reply)
                connection.close()

    kept: list[socket.socket] = []
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield port
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(30)
        for opened in [listener, *kept]:
            opened.close()
        assert not thread.is_alive()


def load_on(port: int, load: Load, path: str = "/predict?model=lenet") -> Tally:
    return run(target(f"http://127.0.0.1:{port}{path}", *multipart(b"picture", "image/png", "file")), load)


def test_a_closed_loop_counts_what_was_begun_and_answered_and_keeps_its_connections() -> None:
    app = App(200)
    with running(app) as port:  # type: ignore[arg-type]
        tally = load_on(port, Load(clients=3, seconds=0.4, warm_up_s=0.1))
    assert tally.offered == len(tally.latencies) > 3
    assert not tally.errors
    assert tally.offered < len(app.scopes)  # those of the warm-up are not counted
    assert len(app.connections) == 3
    assert 0 < tally.answered_meanwhile <= len(app.scopes)
    assert all(0 < latency < 30 for latency in tally.latencies)
    assert tally.cpu > 0


def test_the_request_is_what_was_asked_for() -> None:
    app = App(200)
    with running(app) as port:  # type: ignore[arg-type]
        load_on(port, Load(clients=1, seconds=0.1, warm_up_s=0))
        assert dict(app.scopes[0]["headers"])[b"host"] == f"127.0.0.1:{port}".encode()
    scope = app.scopes[0]
    assert (scope["method"], scope["path"], scope["query_string"]) == ("POST", "/predict", b"model=lenet")
    assert BOUNDARY.encode() in dict(scope["headers"])[b"content-type"]
    assert b'name="file"' in app.bodies[0]
    assert b"\r\n\r\npicture\r\n" in app.bodies[0]


def test_an_open_loop_offers_what_is_due_whether_answered_or_not() -> None:
    with running(App(200)) as port:  # type: ignore[arg-type]
        tally = load_on(port, Load(clients=8, seconds=0.5, rate=100, arrivals="even", warm_up_s=0.2))
    assert tally.offered in (50, 51)
    assert len(tally.latencies) == tally.offered == len(tally.sent_late)
    assert min(tally.sent_late) >= 0


def test_latency_begins_when_a_request_was_due_and_not_when_it_could_be_sent() -> None:
    """One connection and 50 ms an answer: of 10 requests due within a tenth of a second the last waits for nine."""
    with running(App(200, seconds=0.05)) as port:  # type: ignore[arg-type]
        tally = load_on(port, Load(clients=1, seconds=0.1, rate=100, arrivals="even", warm_up_s=0))
    assert tally.offered == len(tally.latencies) in (10, 11)
    waits = list(tally.latencies)
    assert waits == sorted(waits)
    assert waits[9] >= 10 * 0.05 - 9 * 0.01 - 0.001
    assert tally.answered_meanwhile <= 2


def test_statuses_are_told_apart_and_only_2xx_has_a_latency() -> None:
    with running(App(200, 503, 429, 503)) as port:  # type: ignore[arg-type]
        tally = load_on(port, Load(clients=1, seconds=0.3, warm_up_s=0))
    assert set(tally.errors) == {"503", "429"}
    assert len(tally.latencies) + tally.errors.total() == tally.offered
    assert tally.errors["503"] in range(2 * tally.errors["429"] - 1, 2 * tally.errors["429"] + 2)


def test_a_server_that_closes_after_every_answer_is_asked_over_new_connections() -> None:
    app = App(200, headers=((b"connection", b"close"),))
    with running(app) as port:  # type: ignore[arg-type]
        tally = load_on(port, Load(clients=2, seconds=0.3, warm_up_s=0))
    assert not tally.errors
    assert len(app.connections) == len(app.scopes) >= tally.offered > 2


@pytest.mark.parametrize(
    ("replies", "outcome"),
    [
        ((b"",), clients.BROKEN),
        ((b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",), clients.BROKEN),
        ((b"220 mail.example ESMTP\r\n",), clients.NOT_HTTP),
        ((None,), clients.LATE),
    ],
)
@pytest.mark.parametrize("rate", [None, 40.0])
def test_broken_and_silent_connections_are_counted_and_hang_nothing(
    replies: tuple[bytes | None], outcome: str, rate: float | None
) -> None:
    patience = 0.2 if outcome == clients.LATE else 30  # a broken one is told at once, however busy the machine is
    with answering(*replies) as port:
        tally = load_on(port, Load(clients=2, seconds=0.3, rate=rate, warm_up_s=0, timeout_s=patience))
    assert set(tally.errors) == {outcome}
    assert tally.errors[outcome] == tally.offered > 0
    assert not tally.latencies


def test_a_broken_answer_does_not_pass_for_the_next_ones() -> None:
    whole = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"
    with answering(whole, b"HTTP/1.1 200 OK\r\n", whole) as port:
        tally = load_on(port, Load(clients=1, seconds=0.3, warm_up_s=0))
    assert set(tally.errors) == {clients.BROKEN}
    assert len(tally.latencies) >= tally.errors[clients.BROKEN] > 0


@pytest.mark.parametrize("rate", [None, 30.0])
def test_where_nothing_listens_every_request_fails_and_the_client_does_not_spin(rate: float | None) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tally = load_on(port, Load(clients=2, seconds=0.4, rate=rate, warm_up_s=0, timeout_s=1))
    assert set(tally.errors) == {clients.REFUSED}
    assert 0 < tally.offered < 30


def test_what_comes_before_the_answer_is_no_answer() -> None:
    created = b"HTTP/1.1 201 Created\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
    with answering(b"HTTP/1.1 100 Continue\r\n\r\n" + created) as port:
        tally = load_on(port, Load(clients=1, seconds=0.1, warm_up_s=0))
    assert not tally.errors
    assert tally.offered == len(tally.latencies) > 0


def test_ticks_tell_how_it_goes() -> None:
    ticks: list[float] = []
    with running(App(200)) as port:  # type: ignore[arg-type]
        aim = target(f"http://127.0.0.1:{port}/", "image/png", b"picture")
        tally = run(aim, Load(clients=1, seconds=0.6, warm_up_s=0), lambda _, now: ticks.append(now))
    assert 2 <= len(ticks) <= 4
    assert tally.start < ticks[0] < ticks[-1]


@pytest.mark.parametrize("kind", ["poisson", "even"])
def test_arrivals_have_their_rate_and_are_the_same_each_time(kind: Any) -> None:
    times = list(arrivals(5.0, 105.0, 20.0, kind))
    assert times[0] == 5.0
    assert times == sorted(times) == list(arrivals(5.0, 105.0, 20.0, kind))
    assert times[-1] < 105.0
    assert 1900 < len(times) < 2100


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://host/", "http://", "http://host:80x/", "http://host/a b"])
def test_an_address_that_cannot_be_is_named(url: str) -> None:
    with pytest.raises(ValueError, match=r"address|path"):
        target(url, "image/png", b"")


def test_ports_and_paths_have_their_defaults() -> None:
    plain, secure = (target(f"{scheme}://[::1]", "image/png", b"") for scheme in ("http", "https"))
    assert (plain.host, plain.port, plain.secure) == ("::1", 80, False)
    assert (secure.port, secure.secure) == (443, True)
    assert plain.request.startswith(b"POST / HTTP/1.1\r\nHost: [::1]\r\n")
