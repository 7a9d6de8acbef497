"""The client, sync and async, on a real server and on servers that misbehave."""

import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

import app.client as public
from app import answers, calls, cards
from app.client import AsyncClient, Call, Client, DeadlineExceeded, LineupError, ServiceError, Unreachable
from app.errors import STATUS
from app.main import create_app
from app.serving.service import Service
from app.serving.state import State
from tests.app.conftest import serving
from tests.fakes import BAD, BLANK, BOOM, FakeEngine, fake_service
from tests.scripted import answer, refused, scripted
from tests.serving import running, until

Ask = Callable[..., Any]
QUICK = {"verify": False}  # no certificates to load for each client: a tenth of a second
SEVEN = answer(answers.PREDICTION)


def _sync(url: str, method: str, *asked: Any, into: list[Any] | None = None, told: Any = None, **options: Any) -> Any:
    with Client(url, **(QUICK | (told or {}))) as client:
        done = getattr(client, method)(*asked, **options)
        if into is None:
            return done
        for line in done:
            into.append(line)


def _async(url: str, method: str, *asked: Any, into: list[Any] | None = None, told: Any = None, **options: Any) -> Any:
    async def ask() -> Any:
        async with AsyncClient(url, **(QUICK | (told or {}))) as client:
            done = getattr(client, method)(*asked, **options)
            if into is None:
                return await done
            async for line in done:
                into.append(line)

    return anyio.run(ask)


@pytest.fixture(params=[_sync, _async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """A call by a client of either kind; lines are put `into` a list, `told` are the client's options."""
    chosen: Ask = request.param
    return chosen


@pytest.fixture(scope="module")
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture(scope="module")
def url(engine: FakeEngine) -> Iterator[str]:
    with running(create_app(service=fake_service(engine))) as port:
        address = f"http://127.0.0.1:{port}"
        until(lambda: httpx.get(f"{address}/readyz").status_code == 200)
        yield address


def test_the_public_names() -> None:
    assert public.__all__ == [
        *("AsyncClient", "Call", "Client", "DeadlineExceeded", "Line", "LineupError", "Picture", "ServiceError"),
        "Unreachable",
    ]
    assert {kind.__mro__[1] for kind in (DeadlineExceeded, ServiceError, Unreachable)} == {LineupError}
    common = {"ask", "base_url", "batch", "close", "compare", "compare_lines", "models", "predict", "prepare", "read"}
    for kind in (Client("http://one"), AsyncClient("http://one")):
        assert {name for name in dir(kind) if not name.startswith("_")} == common | {"ready", "within"}


def test_each_question_gets_its_answer_typed(url: str, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "seven.png").write_bytes(b"\x07")
    one = ask(url, "predict", tmp_path / "seven.png", model="vgg11", dataset="fashion-mnist", prepare="raw", top_k=2)
    assert (one.model, one.dataset, one.index, len(one.predictions)) == ("vgg11", "fashion-mnist", 7, 2)
    beside = ask(url, "compare", b"\x03", models=["lenet", "vgg11"])
    assert ([one.model for one in beside.results], beside.agreement.label) == (["lenet", "vgg11"], "3")
    seen = ask(url, "prepare", b"\x09", dataset="mnist", scale=2)
    assert (seen.pixels[0][0], seen.steps[0].name) == (9, "first byte")
    assert ask(url, "read", b"\x01\x02\n\x03", model="lenet").number == "12\n3"
    many = ask(url, "batch", [b"\x01", BAD, b"\x02"], model="lenet")
    first, bad, last = many.results
    assert (first.label, bad.error.code, last.label) == ("1", "undecodable", "2")
    assert [model.name for model in ask(url, "models").models] == ["lenet", "vgg11", "resnet18"]
    assert ask(url, "ready").ready is True


def test_a_picture_is_a_path_bytes_or_an_open_file(url: str, ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "seven.png"
    path.write_bytes(b"\x07")
    with path.open("rb") as file:
        assert [ask(url, "predict", one).label for one in (str(path), b"\x07", bytearray(b"\x07"), file)] == ["7"] * 4
    with path.open() as text, pytest.raises(TypeError, match='open it with "rb"'):
        ask(url, "predict", text)
    with pytest.raises(TypeError, match="not as int"):
        ask(url, "predict", 7)
    with pytest.raises(TypeError, match="wanted a list"):
        ask(url, "compare", path, models="lenet")


@pytest.mark.parametrize(
    ("picture", "options", "code"),
    [
        (b"\x07", {"model": "resnet19"}, "unknown_model"),
        (b"\x07", {"dataset": "cifar"}, "unknown_dataset"),
        (b"\x07", {"top_k": 11}, "invalid_parameter"),
        (b"", {}, "invalid_parameter"),
        (BAD, {}, "undecodable"),
        (BLANK, {}, "nothing_found"),
        (bytes(20 * 1024**2 + 1), {}, "too_large"),
        (BOOM, {}, "internal"),
    ],
)
def test_what_a_real_service_refuses(url: str, ask: Ask, picture: bytes, options: Any, code: str) -> None:
    with pytest.raises(ServiceError) as caught:
        ask(url, "predict", picture, **options)
    error = caught.value
    assert (error.code, error.status, error.retry_after) == (code, STATUS[code], None)
    assert error.message
    assert error.request_id
    assert str(error) == f"{code}: {error.message}"


@pytest.mark.parametrize("code", [*STATUS, "rate_limited_one_day"])
def test_every_code_is_an_exception_with_all_that_the_answer_says(ask: Ask, code: str) -> None:
    status = STATUS.get(code, 429)
    with (
        scripted(refused(code, status, Retry_After=999, X_Request_Id="0f")) as server,
        pytest.raises(LineupError) as caught,
    ):
        ask(server.url, "predict", b"\x07")
    error = caught.value
    assert type(error) is (DeadlineExceeded if code == "deadline_exceeded" else ServiceError)
    assert (error.code, error.message, error.status) == (code, f"words about {code}", status)
    assert (error.retry_after, error.request_id) == (999, "0f")
    assert len(server.heads) == 1  # later than the deadline: nobody waits for that


@pytest.mark.parametrize("status", [200, 302, 404, 502])
def test_who_is_no_lineup_is_told_apart(ask: Ask, status: int) -> None:
    with (
        scripted(answer(b"<html>Somebody else", status)) as server,
        pytest.raises(ServiceError, match="unexpected: <html>Somebody else") as caught,
    ):
        ask(server.url, "predict", b"\x07")
    assert (caught.value.code, caught.value.status) == ("unexpected", status)


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


@pytest.mark.parametrize("seconds", [0, -1, float("inf"), float("nan")])
def test_a_deadline_is_a_time(seconds: float) -> None:
    with pytest.raises(ValueError, match=f"the deadline is {seconds} s"):
        Client("http://one", deadline_s=seconds)


def test_within_is_the_same_client_with_another_deadline() -> None:
    with scripted(SEVEN) as server, Client(server.url, "a key", deadline_s=9) as client:
        client.within(2).predict(b"\x07")
        client.predict(b"\x07")
    assert ["x-deadline-ms: 9" in head or "x-deadline-ms: 8" in head for head in server.heads] == [False, True]
    assert all("authorization: bearer a key\r\n" in head for head in server.heads)


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


def test_who_is_not_ready_says_where_each_network_stands(ask: Ask) -> None:
    body = {**cards.READINESS, "ready": False, "error": answers.ERROR["error"]}
    with scripted(answer(body, 503, Retry_After=2)) as server:
        assert ask(server.url, "ready").ready is False
    assert len(server.heads) == 1
    with (
        scripted(refused("too_many_connections", 503, Retry_After=0)) as server,
        pytest.raises(ServiceError, match="too_many_connections"),
    ):
        ask(server.url, "ready")


def test_another_route_can_be_asked(url: str, ask: Ask) -> None:
    limits = ask(url, "ask", Call("GET", "/limits", cards.Limits.model_validate_json))
    assert limits.max_batch_files == 64
    with pytest.raises(ServiceError, match="not_found"):
        ask(url, "ask", Call("GET", "/elsewhere", bytes))
    with pytest.raises(ServiceError, match="method_not_allowed"):
        ask(url, "ask", Call("GET", "/predict", bytes))


@pytest.mark.anyio
async def test_the_application_in_this_process(engine: FakeEngine) -> None:
    service: Service = fake_service(engine)
    async with serving(service) as direct:
        client = AsyncClient("http://test", transport=direct._transport)
        assert (await client.predict(b"\x05")).label == "5"
        assert [type(line) async for line in client.compare_lines(b"\x05")][-1] is answers.ComparisonTail


def test_a_call_is_described_once_for_both() -> None:
    for name in ("predict", "compare", "prepare", "read", "batch", "models", "ready"):
        assert getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__ == getattr(calls, name).__doc__
