"""Connections that do not behave, on real sockets: silent, slow, too many, or with nonsense on them."""

import json
import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.main import create_app
from app.web import server
from app.web.h11_protocol import CarefulProtocol
from app.web.middleware import HEADERS
from tests.fakes import FakeEngine, fake_service
from tests.serving import running, until

MIB = 1024 * 1024
GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n\r\n"
POST = b"POST /predict?model=lenet HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n"
BROKEN = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n\x05\r\nno size\r\n"
PARSERS: dict[str, Callable[[], Any]] = {"httptools": server.protocol, "h11": lambda: CarefulProtocol}

Serve = Callable[..., Any]


@pytest.fixture(params=PARSERS)
def serve(request: pytest.FixtureRequest) -> Serve:
    """Makes a server with these settings, under either parser."""
    http = PARSERS[request.param]()

    @contextmanager
    def made(engine: FakeEngine | None = None, **settings: Any) -> Iterator[int]:
        with running(create_app(service=fake_service(engine, **settings)), http=http) as port:
            until(lambda: httpx.get(f"http://127.0.0.1:{port}/readyz").status_code == 200)
            yield port

    return made


def connect(port: int, sent: bytes = b"") -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=30)
    connection.sendall(sent)
    return connection


def rest(connection: socket.socket) -> bytes:
    """All that comes until the server closes; an error of the test if it does not within 30 s."""
    received = b""
    with suppress(ConnectionError):
        while more := connection.recv(65536):
            received += more
    return received


def refusal(received: bytes) -> tuple[int, dict[str, str]]:
    """Status and error of an answer that has all that every answer has."""
    head, _, body = received.partition(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    for name, value in (*HEADERS, (b"content-type", b"application/json"), (b"connection", b"close")):
        assert b"%b: %b" % (name, value.lower()) in lines
    assert re.search(rb"\r\nx-request-id: [0-9a-f]{16}\r\n", head + b"\r\n")
    assert b"content-length: %d" % len(body) in lines
    return int(head.split()[1]), json.loads(body)["error"]


@pytest.mark.parametrize("again", [False, True], ids=["first", "again"])
@pytest.mark.parametrize("sent", [b"", GET[:30], b"\r\n"], ids=["silent", "half", "empty line"])
def test_who_does_not_come_to_the_end_of_a_head_is_cut(sent: bytes, again: bool) -> None:
    for http in (server.protocol(), CarefulProtocol):
        app = create_app(service=fake_service(header_s=0.5))
        with running(app, http=http, timeout_keep_alive=0.5) as port, connect(port) as connection:
            if again:
                connection.sendall(GET)
                received = b""
                while b'"ok"}' not in received:
                    received += connection.recv(65536)
            connection.sendall(sent)
            assert rest(connection)[:12] in (b"", b"HTTP/1.1 400")  # h11 takes no empty line before a request
            assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


def test_who_drips_a_head_is_cut(serve: Serve) -> None:
    with serve(header_s=0.5) as port, connect(port, GET) as connection, suppress(ConnectionError):
        connection.recv(65536)  # the time counts anew after an answer, and not from each byte
        end = time.monotonic() + 30
        for byte in b"\r\n" + b"a" * 10_000:
            assert time.monotonic() < end
            connection.sendall(bytes([byte]))
            time.sleep(0.05)


def test_a_head_may_wait_while_a_request_is_answered_and_a_body_take_longer(serve: Serve) -> None:
    with serve(header_s=0.2) as port, connect(port, POST + b"Content-Length: 1\r\n\r\n") as connection:
        time.sleep(1.5)
        connection.sendall(b"\x07")
        assert b'"label":"7"' in connection.recv(65536)


def test_more_connections_than_there_may_be_are_refused_in_words(serve: Serve) -> None:
    with serve(max_connections=3) as port, ExitStack() as stack:
        first, *_ = [stack.enter_context(admitted(port)) for _ in range(3)]
        for sent in (b"", GET, POST + b"Content-Length: 99999\r\n\r\n" + b"a" * 50_000):
            with connect(port, sent) as refused:
                received = rest(refused)
            assert b"\r\nretry-after: 1\r\n" in received
            told = "3 connections are open already; try again later"
            assert refusal(received) == (503, {"code": "too_many_connections", "message": told})
        first.sendall(b"GET /metrics HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
        counted = re.search(rb'lineup_rejections_total\{reason="too_many_connections"\} (\d+)', rest(first))
        assert counted is not None
        assert int(counted[1]) >= 3  # and whoever came before an earlier one had gone
        first.close()
        stack.enter_context(admitted(port))


def admitted(port: int) -> socket.socket:
    """A connection that was answered; the server may not have noticed yet that an earlier one is closed."""
    end = time.monotonic() + 30
    while True:
        connection = connect(port, GET)
        if connection.recv(65536).startswith(b"HTTP/1.1 200"):
            return connection
        connection.close()
        assert time.monotonic() < end


def test_a_dripped_body_ends_with_its_504(serve: Serve) -> None:
    with serve(deadline_s=0.3, upload_s=0.5) as port:
        with connect(port, POST + b"Content-Length: 1000\r\n\r\n") as connection, suppress(ConnectionError):
            connection.settimeout(0.05)
            received, end = b"", time.monotonic() + 30
            while time.monotonic() < end:
                connection.sendall(b"a")
                with suppress(TimeoutError):
                    more = connection.recv(65536)
                    received += more
                    if not more:
                        break
        assert received.startswith(b"HTTP/1.1 504")
        assert time.monotonic() < end


def test_a_refused_upload_is_not_read_for_ever(serve: Serve) -> None:
    size, sent, received = 400 * MIB, 0, b""
    head = POST + b"Content-Length: %d\r\n\r\n" % size
    with serve(max_upload_bytes=MIB) as port, connect(port, head) as connection, suppress(ConnectionError):
        while b"}}" not in received:
            received += connection.recv(65536)
        while sent < size:
            connection.sendall(b"a" * MIB)
            sent += MIB
    assert received.startswith(b"HTTP/1.1 413")
    assert sent <= 100 * MIB


@pytest.mark.parametrize(
    ("sent", "code"),
    [
        (b"\x16\x03\x01\x02\x00\x01\r\n\r\n", b"cannot be read as an HTTP/1.1 request"),
        (b"GET /healthz HTTP/1.1\r\n\r\n", b"HTTP/1.1"),
        (b"GET /\xc3\xa4 HTTP/1.1\r\nHost: test\r\n\r\n", b"HTTP/1.1"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nno size\r\n", b"HTTP/1.1"),
        (b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"a" * 200_000, b""),
        (GET[:-2] + b"Connection: Upgrade\r\nUpgrade: h2c\r\n\r\nno HTTP\r\n\r\n", b"HTTP/1.1"),
    ],
    ids=["TLS", "no host", "path", "chunk", "long", "upgrade"],
)
def test_what_the_parser_refuses_has_the_one_shape_of_errors(serve: Serve, sent: bytes, code: bytes) -> None:
    with serve() as port, connect(port, sent) as connection:
        received = rest(connection)
    last = received[received.rindex(b"HTTP/1.1 4") :]
    status, error = refusal(last)
    assert (status, error["code"]) == (400, "invalid_parameter")
    assert code.decode() in error["message"]


@pytest.mark.parametrize("asked", [b"\x07", b"\x07\x03"], ids=["one", "two"])
@pytest.mark.parametrize("nonsense", [b"no HTTP\r\n\r\n", BROKEN], ids=["head", "body"])
def test_what_was_asked_before_the_nonsense_is_answered(serve: Serve, asked: bytes, nonsense: bytes) -> None:
    engine = FakeEngine()
    with serve(engine) as port:
        engine.gate.clear()
        whole = b"".join(POST + b"Content-Length: 1\r\n\r\n%c" % picture for picture in asked)
        with connect(port, whole + nonsense) as connection:
            assert engine.busy.wait(30)
            time.sleep(0.1)
            engine.gate.set()
            received = rest(connection)
        assert received.startswith(b"HTTP/1.1 200")
        said = re.findall(rb'"reason":"[^"]+","label":"(\d)"', received)
        assert said == [b"%d" % picture for picture in asked]
        assert received.lower().count(b"connection: close\r\n") == 1


def test_who_offers_another_protocol_behind_requests_has_their_answers(serve: Serve, request: Any) -> None:
    engine = FakeEngine()
    with serve(engine) as port:
        engine.gate.clear()
        offer = GET[:-2] + b"Connection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n"
        with connect(port, 2 * (POST + b"Content-Length: 1\r\n\r\n\x07") + offer) as connection:
            assert engine.busy.wait(30)
            time.sleep(0.1)
            engine.gate.set()
            received = rest(connection)
    answers = {"httptools": 2, "h11": 3}[request.node.callspec.params["serve"]]  # h11 goes on with HTTP/1.1
    assert received.count(b"HTTP/1.1 200") == answers, received
    assert received.lower().count(b"connection: close\r\n") == 1


def test_who_hangs_up_with_requests_waiting_ends_the_one_at_work(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    engine = FakeEngine()
    with serve(engine) as port:
        engine.gate.clear()
        connect(port, 2 * (POST + b"Content-Length: 1\r\n\r\n\x07")).close()
        until(lambda: 'code="disconnected"' in httpx.get(f"http://127.0.0.1:{port}/metrics").text)
        engine.gate.set()
        assert 'code="internal"' not in httpx.get(f"http://127.0.0.1:{port}/metrics").text
    assert "Traceback" not in caplog.text


def test_an_offer_of_a_websocket_is_passed_over(serve: Serve) -> None:
    offer = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: YQ==\r\n\r\n"
    with serve() as port, connect(port, GET[:-2] + offer) as connection:
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("parser", PARSERS)
def test_who_takes_nothing_of_an_answer_is_cut(parser: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.web.connection.STALLED_S", 0.5)
    told = []

    async def long_answer(scope: Scope, receive: Receive, send: Send) -> None:
        assert scope["type"] == "http"  # which stands for: it knows no lifespan
        await receive()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(64):  # more than the buffers on the way hold
            await send({"type": "http.response.body", "body": bytes(MIB), "more_body": True})
        told.append((await receive())["type"])

    http = PARSERS[parser]()
    with running(long_answer, http=http) as port, connect(port, GET):
        until(lambda: told == ["http.disconnect"])
