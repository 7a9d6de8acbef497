"""The client, sync and async, on a real server and on servers that misbehave."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

import app.client as public
from app import answers, cards
from app.client import AsyncClient, Call, Client, DeadlineExceeded, LineupError, ServiceError, Unreachable, calls
from app.errors import STATUS
from app.main import create_app
from app.serving.service import Service
from tests.app.conftest import serving
from tests.asking import SEVEN, Ask
from tests.fakes import BAD, BLANK, BOOM, FakeEngine, fake_service
from tests.scripted import answer, refused, scripted
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


def test_the_public_names() -> None:
    assert public.__all__ == [
        *("AsyncClient", "Call", "Client", "DeadlineExceeded", "Line", "LineupError", "Picture", "ServiceError"),
        "Unreachable",
    ]
    assert {kind.__mro__[1] for kind in (DeadlineExceeded, ServiceError, Unreachable)} == {LineupError}
    common = {"ask", "base_url", "batch", "close", "models", "predict", "prepare", "read"}
    common |= {"compare", "compare_lines", "flip"}
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
    flipped = ask(url, "flip", b"\x07", to=5, model="lenet")
    assert (flipped.flipped, flipped.count, flipped.dabs[0].ink) == (True, 1, "add")
    many = ask(url, "batch", [b"\x01", BAD, b"\x02"], model="lenet")
    first, bad, last = many.results
    assert (first.label, bad.error.code, last.label) == ("1", "undecodable", "2")
    assert [model.name for model in ask(url, "models").models] == ["lenet", "vgg11", "resnet18"]
    assert ask(url, "ready").ready is True


def test_a_batch_of_no_picture_is_told_before_anything_is_sent(ask: Ask) -> None:
    with pytest.raises(ValueError, match=r"pictures is \[\], in which there is no picture"):
        ask("http://127.0.0.1:1", "batch", [], model="lenet")


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


def test_within_is_the_same_client_with_another_deadline() -> None:
    with scripted(SEVEN) as server, Client(server.url, "a key", deadline_s=9) as client:
        client.within(2).predict(b"\x07")
        client.predict(b"\x07")
    assert ["x-deadline-ms: 9" in head or "x-deadline-ms: 8" in head for head in server.heads] == [False, True]
    assert all("authorization: bearer a key\r\n" in head for head in server.heads)


@pytest.mark.parametrize("key", ["a key\n", " a key\t", "a key\r\n"])
def test_what_stands_round_a_key_is_no_part_of_it(ask: Ask, key: str) -> None:
    with scripted(SEVEN) as server:
        ask(server.url, "predict", b"\x07", told={"api_key": key})
    assert "authorization: bearer a key\r\n" in server.heads[0]


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("key", "told"),
    [("", "has 0 char"), (" \n", "has 2 char"), ("sec\nret", "U+000A"), ("secr\u200bet", "5 of 7 is U+200B")],
)
def test_a_key_that_cannot_be_sent_is_told_without_it(kind: type[Client | AsyncClient], key: str, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)) as caught:
        kind("http://one", key)
    assert "the API key" in str(caught.value)
    assert "sec" not in str(caught.value)


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
    for name in ("predict", "compare", "prepare", "flip", "read", "batch", "models", "ready"):
        assert getattr(Client, name).__doc__ == getattr(AsyncClient, name).__doc__ == getattr(calls, name).__doc__


def test_neither_service_nor_networks_come_with_it() -> None:
    heavy = ("fastapi", "starlette", "uvicorn", "torch", "onnxruntime", "cv2", "numpy", "PIL", "models", "app.main")
    told = f"import sys; import app.client; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
