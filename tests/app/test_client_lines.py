"""The client's comparison line by line."""

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from app import answers
from app.client import DeadlineExceeded, ServiceError, Unreachable
from app.main import create_app
from app.serving.state import State
from tests.asking import Ask
from tests.fakes import FakeEngine, fake_service
from tests.scripted import refused, scripted
from tests.serving import running, until


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with running(create_app(service=fake_service(engine))) as port:
        address = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
        yield address


def _dripping(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n\r\n")
    while True:
        connection.sendall(b" ")
        time.sleep(0.02)


def test_lines_come_as_networks_answer(url: str, engine: FakeEngine, ask: Ask) -> None:
    lines: list[Any] = []
    engine.gated = ["vgg11"]
    engine.gate.clear()
    asking = threading.Thread(target=ask, args=(url, "compare_lines", b"\x04"), kwargs={"into": lines})
    asking.start()
    try:
        until(lambda: len(lines) == 3)
    finally:
        engine.gate.set()
        asking.join(30)
    kinds = [type(line) for line in lines]
    assert kinds == [answers.ComparisonHead, *[answers.Prediction] * 3, answers.ComparisonTail]
    assert {line.model for line in lines[1:3]} == {"lenet", "resnet18"}
    assert lines[3].model == "vgg11"
    assert lines[4].agreement.votes == 3


def test_a_network_without_an_answer_has_its_line(url: str, engine: FakeEngine, ask: Ask) -> None:
    lines: list[Any] = []
    engine.now["mnist", "vgg11"] = State("missing", "there is none")
    try:
        ask(url, "compare_lines", b"\x04", into=lines, models=["lenet", "vgg11"])
    finally:
        engine.now["mnist", "vgg11"] = State("ready")
    (failed,) = (line for line in lines if isinstance(line, answers.NetworkError))
    assert (failed.model, failed.error.code) == ("vgg11", "model_unavailable")


HEAD = answers.ComparisonHead(**answers.COMPARISON_HEAD).model_dump_json().encode() + b"\n"
ONE = answers.Prediction(**answers.PREDICTION).model_dump_json().encode() + b"\n"
STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"


def _chunk(content: bytes) -> bytes:
    return f"{len(content):x}\r\n".encode() + content + b"\r\n"


@pytest.mark.parametrize("end", [b"", _chunk(b""), _chunk(ONE[:20]), _chunk(ONE[:20]) + _chunk(b"")])
def test_a_stream_that_breaks_off_gives_what_came_and_says_so(ask: Ask, end: bytes) -> None:
    lines: list[Any] = []
    with scripted(STREAM + _chunk(HEAD) + _chunk(ONE) + end) as server, pytest.raises(Unreachable) as caught:
        ask(server.url, "compare_lines", b"\x07", into=lines)
    assert [type(line) for line in lines] == [answers.ComparisonHead, answers.Prediction]
    assert caught.value.code == "unreachable"
    assert len(server.heads) == 1  # what came was given away already: from the beginning would be twice


def test_a_stream_that_is_refused_is_asked_for_again(ask: Ask) -> None:
    lines: list[Any] = []
    tail = answers.ComparisonTail(**answers.COMPARISON_TAIL).model_dump_json().encode()
    whole = STREAM + _chunk(HEAD + ONE + tail) + _chunk(b"")
    with scripted(refused("queue_full", 429, Retry_After=0), b"", whole) as server:
        ask(server.url, "compare_lines", b"\x07", into=lines)
    assert len(lines) == 3
    assert "accept: application/x-ndjson\r\n" in server.heads[0]
    with scripted(refused("undecodable", 422)) as server, pytest.raises(ServiceError, match="undecodable"):
        ask(server.url, "compare_lines", b"\x07", into=lines)


def test_a_stream_has_a_deadline_too(ask: Ask) -> None:
    with scripted(_dripping) as server, pytest.raises(DeadlineExceeded):
        ask(server.url, "compare_lines", b"\x07", into=[], told={"deadline_s": 0.3})
