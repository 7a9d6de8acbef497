"""What every request and answer gets: an id, what its steps took, a line of the log."""

import json
import logging
import re
from collections.abc import Iterator
from datetime import UTC, datetime

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from app.serving.metrics import Metrics
from app.web.middleware import Outermost
from app.web.request_log import LOGGER
from tests.app.conftest import serving
from tests.fakes import BAD, BOOM, fake_service

pytestmark = pytest.mark.anyio
OURS = re.compile(r"[0-9a-f]{16}")
INTAKE = ["decode", "auto", "prepare", "gate"]


@pytest.mark.parametrize("sent", ["a", "7f3c-2/b:9=_~!", "x" * 64])
async def test_an_id_that_a_client_gives_its_request_is_kept(client: httpx.AsyncClient, sent: str) -> None:
    for content in (b"\x07", BAD):
        answer = await client.post("/predict", content=content, headers={"X-Request-Id": sent})
        assert answer.headers.get_list("X-Request-Id") == [sent]


@pytest.mark.parametrize("sent", ["", "x" * 65, "two words", "\u00e4".encode("latin-1"), b"a\tb", b"a\x7f"])
async def test_what_is_no_sane_id_is_replaced_by_ours(client: httpx.AsyncClient, sent: str | bytes) -> None:
    headers = [(b"x-request-id", sent if isinstance(sent, bytes) else sent.encode())]
    answer = await client.get("/healthz", headers=headers)
    assert OURS.fullmatch(answer.headers["X-Request-Id"])


async def test_a_failure_is_logged_under_the_clients_id(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await client.post("/predict", content=BOOM, headers={"X-Request-Id": "of-the-client"})
    assert "under request of-the-client" in answer.json()["error"]["message"]
    assert "request of-the-client failed" in caplog.text


@pytest.mark.parametrize(
    ("path", "steps"),
    [
        ("/predict", [*INTAKE, "queue", "inference", "total"]),
        ("/compare", [*INTAKE, "total"]),
        ("/prepare", [*INTAKE, "total"]),
        ("/read", ["decode", "find", "inference", "total"]),
    ],
)
async def test_headers_tell_what_the_steps_took(client: httpx.AsyncClient, path: str, steps: list[str]) -> None:
    for accept in ("application/json", "image/png, application/x-ndjson"):
        answer = await client.post(path, content=b"\x07", headers={"Accept": accept})
        entries = answer.headers["Server-Timing"].split(", ")
        timing = {name: float(ms) for name, ms in (entry.split(";dur=") for entry in entries)}
        assert list(timing) == steps
        if answer.headers["Content-Type"] == "application/json":
            assert timing == answer.json()["timing_ms"]


async def test_a_batch_tells_its_whole_and_an_error_nothing(client: httpx.AsyncClient) -> None:
    files = [("files", ("a.png", b"\x01", "image/png"))]
    answer = await client.post("/predict/batch", files=files)
    assert answer.headers["Server-Timing"] == f"total;dur={answer.json()['timing_ms']['total']}"
    assert "Server-Timing" not in (await client.post("/predict", content=BAD)).headers


@pytest.fixture
def log() -> Iterator[list[str]]:
    """The lines of the log of requests."""
    lines: list[str] = []

    class Kept(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.append(self.format(record))

    handler = Kept()
    LOGGER.addHandler(handler)
    yield lines
    LOGGER.removeHandler(handler)


async def test_a_request_is_one_line_of_json(log: list[str]) -> None:
    async with serving(fake_service(log_requests=True)) as client:
        log.clear()
        answer = await client.post("/predict?model=lenet", content=b"\x07picture", headers={"X-Request-Id": 'a"b\\c'})
        await client.post("/compare?dataset=fashion-mnist", content=BAD)
        await client.get("/secret/path?password=1")
    first, second, third = (json.loads(line) for line in log)
    when = datetime.now(UTC) - datetime.fromisoformat(first.pop("time"))
    assert 0 <= when.total_seconds() < 60
    assert 0 < first.pop("ms") < 60_000
    told = {"id": 'a"b\\c', "method": "POST", "route": "/predict", "status": 200, "code": "ok", "model": "lenet"}
    told |= {"dataset": "mnist", "bytes_in": 8, "bytes_out": len(answer.content), "client": "127.0.0.1"}
    assert first == told
    assert (second["route"], second["status"], second["code"]) == ("/compare", 422, "undecodable")
    assert (second["model"], third["route"], third["code"]) == ("", "other", "not_found")
    assert not [line for line in log if "\n" in line or "picture" in line or "secret" in line or "password" in line]


@pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
@pytest.mark.parametrize("route", ["/predict?", "/compare?", "/flip?to=5&model=lenet&"])
async def test_a_line_tells_the_dataset_whatever_the_form_of_the_answer(
    log: list[str], route: str, accept: str
) -> None:
    async with serving(fake_service(log_requests=True)) as client:
        log.clear()
        answer = await client.post(f"{route}dataset=fashion-mnist", content=b"\x07", headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
    assert json.loads(log[-1])["dataset"] == "fashion-mnist"


async def test_an_answer_that_breaks_off_is_a_failure_whatever_its_head_said(log: list[str]) -> None:
    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"a part", "more_body": True})
        raise OSError("the rest is gone")

    app = Outermost(broken, Metrics(), ending=lambda: False, log_requests=True)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        with pytest.raises(RuntimeError, match="broke off"):
            await client.get("/")
    told = json.loads(log[-1])
    assert (told["status"], told["code"], told["bytes_out"]) == (200, "internal", 6)


async def test_an_answer_of_which_only_the_head_was_sent_is_none(log: list[str]) -> None:
    async def left(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})

    scope = {"type": "http", "method": "GET", "path": "/", "headers": [], "client": ("127.0.0.1", 1)}
    sent: list[object] = []

    async def send(message: object) -> None:
        sent.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "http.disconnect"}

    await Outermost(left, Metrics(), ending=lambda: False, log_requests=True)(scope, receive, send)
    assert len(sent) == 1
    assert json.loads(log[-1])["code"] == "disconnected"


async def test_by_default_no_line_is_written(log: list[str], client: httpx.AsyncClient) -> None:
    await client.post("/predict", content=b"\x07")
    assert log == []


async def test_lines_go_to_stdout(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LOGGER, "handlers", [])
    async with serving(fake_service(log_requests=True)) as client:
        await client.get("/limits")
    assert '"route":"/limits","status":200' in capfd.readouterr().out
