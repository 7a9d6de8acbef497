"""HTTP/1.1 on real sockets: bounds and manners are the same whichever parser reads it."""

import json
import re
import socket
import sys
from collections.abc import Iterator
from contextlib import suppress

import httpx
import pytest

from app.main import create_app
from app.settings import Settings
from app.web import server
from app.web.h11_protocol import CarefulProtocol
from app.web.httptools_protocol import MAX_HEAD, MOST_WAITING, BoundedProtocol
from tests.fakes import fake_service
from tests.serving import running, until

GET = b"GET /healthz HTTP/1.1\r\nHost: test\r\n"
POST = b"POST /predict?model=lenet HTTP/1.1\r\nHost: test\r\nContent-Type: image/png\r\n"
ONE = POST + b"Content-Length: 1\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\n\x07\r\n"
LAST = b"GET /healthz HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n"
UPGRADE = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAM\r\n"


@pytest.fixture(scope="module", params=["httptools", "h11"])
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    http = server.protocol() if request.param == "httptools" else CarefulProtocol
    with running(create_app(service=fake_service()), http=http) as it:
        until(lambda: httpx.get(f"http://127.0.0.1:{it}/readyz").status_code == 200)
        yield it


def talk(port: int, *pieces: bytes, after: bytes = b"") -> bytes:
    """All that comes until the server closes; `after` is sent once something has come."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        with suppress(ConnectionError):  # it may close before it was told all
            for piece in pieces:
                connection.sendall(piece)
            if after:
                received = connection.recv(65536)
                connection.sendall(after)
        with suppress(ConnectionError):
            while more := connection.recv(65536):
                received += more
    return received


def statuses(received: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", received)]


def test_the_quick_parser_is_there_and_used() -> None:
    assert server.options(Settings())["http"] is server.protocol() is BoundedProtocol


def test_without_httptools_the_careful_parser_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httptools", None)
    monkeypatch.delitem(sys.modules, "app.web.httptools_protocol")
    with running(create_app(service=fake_service())) as port:
        assert statuses(talk(port, GET + b"\r\n", after=LAST)) == [200, 200]
        assert statuses(talk(port, GET + UPGRADE + b"\r\n", after=LAST)) == [200, 200]


@pytest.mark.parametrize(
    ("head", "endless"),
    [
        (GET + b"X: ", b"a"),
        (GET, b"X: a\r\n"),
        (b"GET /healthz?", b"a"),
        (b"", b"G"),
        (b"", b"\r\n"),
        (CHUNKED + b"0\r\nX: ", b"a"),
        (CHUNKED + b"0\r\n", b"X: a\r\n"),
        (CHUNKED + b"1;", b"a"),
    ],
    ids=["header", "headers", "path", "method", "empty lines", "trailer", "trailers", "extension"],
)
def test_what_has_no_end_is_refused(port: int, head: bytes, endless: bytes) -> None:
    many = endless * (MAX_HEAD // len(endless))
    received = talk(port, head, *[many] * 400)  # 25 MiB: more than buffers hold
    assert statuses(received)[-1:] in ([400], [])  # none where the connection was reset before it was read
    assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200


@pytest.mark.parametrize("headers", [b"X: " + b"a" * 1_000_000 + b"\r\n", b"X: a\r\n" * 170_000])
def test_a_megabyte_of_headers_is_refused(port: int, headers: bytes) -> None:
    assert statuses(talk(port, GET + headers + b"\r\n")) in ([400], [])


def test_a_head_of_ten_thousand_bytes_is_read(port: int) -> None:
    headers = b"X: " + b"a" * 5000 + b"\r\n" + b"Y: a\r\n" * 800
    assert statuses(talk(port, GET, headers, b"\r\n", after=LAST)) == [200, 200]


def test_a_refused_head_is_told_what_is_taken() -> None:
    with running(create_app(service=fake_service())) as port:
        received = talk(port, GET + b"X: " + b"a" * 5 * MAX_HEAD)
        assert statuses(received) == [400]
        assert b"longer than 65536 bytes; at most so many are taken" in received
        assert b"has 0 Host headers; HTTP/1.1 wants one" in talk(port, b"GET /healthz HTTP/1.1\r\n\r\n")


@pytest.mark.parametrize("hosts", [b"", b"Host: a\r\nHost: b\r\n"])
def test_a_request_says_once_whom_it_is_for(port: int, hosts: bytes) -> None:
    assert statuses(talk(port, b"GET /healthz HTTP/1.1\r\n" + hosts + b"\r\n")) == [400]


def test_http_1_0_needs_no_host_and_ends(port: int) -> None:
    assert statuses(talk(port, b"GET /healthz HTTP/1.0\r\n\r\n")) == [200]


@pytest.mark.parametrize("path", [b"/compare?models=lenet,vgg11", b"/flip?to=5&model=lenet"])
def test_http_1_0_gets_lines_without_chunks(port: int, path: bytes) -> None:
    asked = b"POST %b HTTP/1.0\r\nAccept: application/x-ndjson\r\nContent-Length: 1\r\n\r\n\x07"
    head, _, body = talk(port, asked % path).partition(b"\r\n\r\n")
    assert statuses(head) == [200]
    assert b"transfer-encoding" not in head.lower()
    assert b"content-type: application/x-ndjson" in head.lower()
    first, *_, last = [json.loads(line) for line in body.splitlines()]
    assert first["dataset"] == "mnist"
    assert {"agreement", "flipped"} & last.keys()


@pytest.mark.parametrize("sent", [b"\x16\x03\x01\x02\x00\x01", b"GET /\xc3\xa4 HTTP/1.1\r\nHost: test\r\n\r\n"])
def test_what_is_no_http_is_refused(port: int, sent: bytes) -> None:
    assert statuses(talk(port, sent)) == [400]


def test_pipelined_requests_are_answered_in_their_order(port: int) -> None:
    requests = [ONE + b"\r\n" + bytes([value]) for value in (7, 3, 5)]
    received = talk(port, b"".join(requests) + LAST)
    assert statuses(received) == [200] * 4
    assert re.findall(rb'"label":"(\d)","index":', received.replace(b'{"label"', b"")) == [b"7", b"3", b"5"]


def test_only_so_many_requests_wait_for_their_turn() -> None:
    """All of one read would, at two kilobytes each: what came before is answered, and the connection closed."""
    with running(create_app(service=fake_service())) as port:
        received = talk(port, (GET + b"\r\n") * MOST_WAITING + LAST)
        assert statuses(received) == [200] * (1 + MOST_WAITING)
        received = talk(port, (GET + b"\r\n") * 1000 + LAST)
        assert statuses(received) == [200] * (1 + MOST_WAITING)
        assert received.lower().count(b"connection: close\r\n") == 1


def test_who_asks_before_sending_is_told_to_go_on(port: int) -> None:
    received = talk(port, ONE + b"Expect: 100-continue\r\n\r\n", after=b"\x07" + LAST)
    assert statuses(received) == [100, 200, 200]


def test_a_client_that_closes_its_half_has_gone(port: int) -> None:
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(POST + b"Content-Length: 2\r\n\r\n\x07")
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(65536) == b""


def test_a_chunked_body_and_its_trailers(port: int) -> None:
    received = talk(port, CHUNKED + b"0\r\nContent-Type: text/html\r\n\r\n", after=LAST)
    assert statuses(received) == [200, 200]


@pytest.mark.parametrize("request_", [GET + UPGRADE + b"\r\n", ONE + UPGRADE + b"\r\n\x07"], ids=["GET", "POST"])
def test_an_offer_of_another_protocol_is_passed_over(port: int, request_: bytes) -> None:
    assert statuses(talk(port, request_, after=LAST)) == [200, 200]


def test_an_offer_may_come_on_a_connection_in_use(port: int) -> None:
    received = talk(port, GET + b"\r\n", after=ONE + UPGRADE + b"\r\n\x07" + LAST)
    assert statuses(received) == [200, 200, 200]
