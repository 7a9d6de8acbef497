"""When the client tries again, and when it gives up."""

import socket
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from app.client import Client, DeadlineExceeded, LineupError, ServiceError, Unreachable
from app.errors import STATUS
from tests.asking import SEVEN, Ask
from tests.scripted import refused, scripted


@pytest.mark.parametrize("code", ["queue_full", "not_ready"])
def test_who_is_refused_twice_waits_as_long_as_told_and_is_answered(ask: Ask, code: str) -> None:
    told = STATUS[code]
    begin = time.monotonic()
    with scripted(refused(code, told, Retry_After=1), refused(code, told, Retry_After=0), SEVEN) as server:
        assert ask(server.url, "predict", b"the picture").label == "7"
    assert time.monotonic() - begin >= 1
    assert server.bodies == [b"the picture"] * 3


def test_a_time_of_day_is_waited_for_too(ask: Ask) -> None:
    then = datetime.now(UTC) + timedelta(seconds=2)
    with scripted(refused("not_ready", 503, Retry_After=format_datetime(then, usegmt=True)), SEVEN) as server:
        assert ask(server.url, "predict", b"\x07").label == "7"
    assert datetime.now(UTC) >= then.replace(microsecond=0)


@pytest.mark.parametrize("retry_after", ["soon", "Wed, 21 Oct"])
def test_what_is_no_time_is_no_time(ask: Ask, retry_after: str) -> None:
    with scripted(refused("not_ready", 503, Retry_After=retry_after), SEVEN) as server:
        assert ask(server.url, "predict", b"\x07").label == "7"


@pytest.mark.parametrize("retries", [0, 2])
def test_attempts_are_bounded(ask: Ask, retries: int) -> None:
    with scripted(refused("queue_full", 429, Retry_After=0)) as server, pytest.raises(ServiceError, match="queue_full"):
        ask(server.url, "compare", b"\x07", told={"retries": retries})
    assert len(server.heads) == retries + 1


@pytest.mark.parametrize(("code", "status"), [("model_unavailable", 503), ("undecodable", 422), ("internal", 500)])
def test_what_stays_as_it_is_is_not_asked_again(ask: Ask, code: str, status: int) -> None:
    with scripted(refused(code, status)) as server, pytest.raises(ServiceError, match=code):
        ask(server.url, "predict", b"\x07")
    assert len(server.heads) == 1


def test_a_service_that_dies_in_the_middle_of_an_answer_is_asked_again(ask: Ask) -> None:
    with scripted(SEVEN[:-30], b"", b"HTTP/1.1 200 OK\r\nCont", SEVEN) as server:
        assert ask(server.url, "predict", b"\x07").label == "7"
    assert len(server.heads) == 4
    with scripted(SEVEN[:-30]) as server, pytest.raises(Unreachable) as caught:
        ask(server.url, "predict", b"\x07", told={"retries": 1})
    assert (caught.value.code, caught.value.status) == ("unreachable", None)
    assert len(server.heads) == 2


def test_nobody_there(ask: Ask) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    with pytest.raises(Unreachable, match=f"no answer from {address}/predict: "):
        ask(address, "predict", b"\x07", told={"retries": 1})
    with pytest.raises(Unreachable, match="no answer from nonsense/models: "):
        ask("nonsense", "models")


def test_the_deadline_is_sent_and_less_is_left_after_a_wait(ask: Ask) -> None:
    with scripted(refused("queue_full", 429, Retry_After=1), SEVEN) as server:
        ask(server.url, "predict", b"\x07", told={"deadline_s": 3})
    first, second = (int(head.partition("x-deadline-ms: ")[2].split()[0]) for head in server.heads)
    assert 2900 < first <= 3000
    assert second <= first - 1000


def _silent(connection: socket.socket) -> None:
    while connection.recv(65536):  # until the client hangs up
        pass


def _dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def _reading_slowly(connection: socket.socket) -> None:
    while connection.recv(65536):
        time.sleep(0.02)


@pytest.mark.parametrize("script", [_silent, _dripping, _reading_slowly])
def test_the_clients_own_clock_ends_a_call(ask: Ask, script: Callable[[socket.socket], None]) -> None:
    begin = time.monotonic()
    with (
        scripted(script) as server,
        pytest.raises(DeadlineExceeded, match=r"no answer from .*/predict within 0.3 s") as caught,
    ):
        ask(server.url, "predict", bytes(15 * 1024**2), told={"deadline_s": 0.3})
    assert (caught.value.code, caught.value.status) == ("deadline_exceeded", None)
    assert 0.3 < time.monotonic() - begin < 10
    assert len(server.heads) == 1


class _Slow(httpx.BaseTransport):
    """Answers after a while, and notes how long a look at the socket may take before and after its head has come."""

    def __init__(self) -> None:
        self.allowed: list[float] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        def body() -> Iterator[bytes]:
            self.allowed.append(request.extensions["timeout"]["read"])
            yield b"{}"

        self.allowed.append(request.extensions["timeout"]["read"])
        time.sleep(0.1)
        return httpx.Response(200, content=body())


def test_what_the_head_took_is_not_given_to_the_body_again() -> None:
    slow = _Slow()
    with Client("http://one", deadline_s=9, transport=slow) as client, pytest.raises(LineupError):
        client.predict(b"\x07")
    assert slow.allowed[1] <= slow.allowed[0] - 0.1


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"the deadline is {seconds} s"):
        Client("http://one", deadline_s=seconds)
