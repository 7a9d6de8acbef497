"""POST /flip: on fakes, in the time that requests leave; and on the real LeNet, whose answer it is that flips."""

import asyncio
import base64
import io
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.errors import ApiError
from app.serving import local
from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.flipping import _reason
from app.serving.state import State
from app.settings import Settings
from tests.app.conftest import serving
from tests.fakes import BAD, DIGEST, WEIGHTS, FakeEngine, fake_service
from tests.models.intake.test_picture import draw_seven, draw_shirt

pytestmark = pytest.mark.anyio

JSON = {"Accept": "application/json"}


def lines_of(response: httpx.Response) -> list[dict[str, Any]]:
    assert response.status_code == 200, response.text
    return [json.loads(line) for line in response.text.splitlines()]


def picture_of(line: dict[str, Any]) -> Any:
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(line["picture"]))))


async def test_the_lines_of_a_flip(client: httpx.AsyncClient) -> None:
    """The fake says the upper left pixel modulo 10, which is 7; full ink, 255, makes it a 5."""
    response = await client.post("/flip?model=lenet&to=5", content=b"\x07")
    assert response.headers["content-type"].startswith("application/x-ndjson")
    assert (response.headers["lineup-checkpoint"], response.headers["vary"]) == (DIGEST, "Accept")
    head, step, end = lines_of(response)
    assert (picture_of(head) == 7).all()
    assert head.pop("picture")
    assert np.array(head.pop("brush")).shape == (5, 5)
    assert head == {
        "model": "lenet",
        "dataset": "mnist",
        "label": "7",
        "index": 7,
        "confidence": 0.82,
        "to": {"label": "5", "index": 5, "probability": 0.02},
    }
    assert (step["label"], step["index"], step["confidence"], step["probability_to"]) == ("5", 5, 0.82, 0.82)
    assert (end["flipped"], end["count"], end["reason"], end["dabs"]) == (True, 1, None, step["dabs"])
    [dab] = end["dabs"]
    assert (max(dab["x"], dab["y"]) <= 1, dab["ink"]) == (True, "add")
    assert picture_of(end)[0, 0] == 255
    assert end["passes"] == step["passes"] > 1
    assert set(end["timing_ms"]) == {"decode", "auto", "prepare", "gate", "total"}


async def test_whoever_accepts_json_gets_the_last_line_alone(client: httpx.AsyncClient) -> None:
    lines = lines_of(await client.post("/flip?model=lenet&to=5", content=b"\x07"))
    response = await client.post("/flip?model=lenet&to=5", content=b"\x07", headers=JSON)
    assert response.headers["content-type"] == "application/json"
    assert "total;dur=" in response.headers["server-timing"]
    body = response.json()
    assert body.keys() == lines[-1].keys()
    same = ("flipped", "count", "label", "index", "confidence", "probability_to", "reason")
    assert [body[name] for name in same] == [lines[-1][name] for name in same]


async def test_what_it_says_already_needs_no_dab(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    head, end = lines_of(await client.post("/flip?model=lenet&to=7", content=b"\x07"))
    assert head["to"] == {"label": "7", "index": 7, "probability": 0.82}
    assert (end["flipped"], end["dabs"], end["count"], end["passes"]) == (True, [], 0, 1)
    assert engine.batches == [("mnist", "lenet", 1)]


async def test_where_no_dab_helps_it_says_so(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.wrong["lenet"] = 3
    _, end = lines_of(await client.post("/flip?model=lenet&to=9", content=b"\x07"))
    assert (end["flipped"], end["count"], end["label"], end["reason"]) == (False, 0, "3", "no dab helps any more")


@pytest.mark.parametrize(("to", "index"), [("9", 9), ("Ankle boot", 9), ("ankle BOOT", 9), ("T-shirt/top", 0)])
async def test_the_class_is_an_index_or_a_label(client: httpx.AsyncClient, to: str, index: int) -> None:
    asked = {"model": "lenet", "dataset": "fashion-mnist", "to": to}
    response = await client.post("/flip", params=asked, content=bytes([index]), headers=JSON)
    assert (response.json()["index"], response.json()["flipped"]) == (index, True)


@pytest.mark.parametrize(
    ("query", "content", "status", "message"),
    [
        ("to=11", b"\x07", 422, "'to' is '11'; it should be one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("to=Bag", b"\x07", 422, "'to' is 'Bag'; it should be one of: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9"),
        ("to=Hat&dataset=fashion-mnist", b"\x07", 422, "'to' is 'Hat'; it should be one of: 0 T-shirt/top, 1 Trouser,"),
        ("to=", b"\x07", 422, "'to' is ''; it should be one of: 0, 1"),
        ("", b"\x07", 422, "'to' is missing"),
        ("to=9&model=resnet19", b"\x07", 404, "no network 'resnet19'"),
        ("to=9&dataset=cifar", b"\x07", 404, "no dataset 'cifar'"),
        ("to=9", BAD, 422, "the bytes are no picture"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_searched(
    client: httpx.AsyncClient, engine: FakeEngine, query: str, content: bytes, status: int, message: str
) -> None:
    response = await client.post(f"/flip?{query}", content=content)
    assert (response.status_code, response.json()["error"]["message"][: len(message)]) == (status, message)
    assert not engine.batches


async def test_a_network_that_is_missing_or_broken_is_an_error(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.now["mnist", "vgg11"] = State("missing", "no file")
    engine.failing.add("resnet18")
    missing = await client.post("/flip?model=vgg11&to=9", content=b"\x07")
    broken = await client.post("/flip?model=resnet18&to=9", content=b"\x07")
    assert (missing.status_code, missing.json()["error"]["code"]) == (503, "model_unavailable")
    assert (broken.status_code, broken.json()["error"]["code"]) == (500, "internal")


async def test_when_its_time_is_over_it_tells_the_best_it_has(engine: FakeEngine) -> None:
    async with serving(fake_service(engine)) as client:
        engine.gate.clear()
        late = await client.post("/flip?model=lenet&to=5", content=b"\x07", headers={"X-Deadline-Ms": "50"})
        assert (late.status_code, late.json()["error"]["code"]) == (504, "deadline_exceeded")
        asked = asyncio.create_task(
            client.post("/flip?model=lenet&to=5", content=b"\x07", headers={"X-Deadline-Ms": "1500"})
        )
        engine.gate.set()
        while not any(size == 1 for _, _, size in engine.batches[1:]):  # the picture as it is
            await asyncio.sleep(0.001)
        engine.gate.clear()
        head, *_, end = lines_of(await asked)
        engine.gate.set()
    assert (head["label"], end["flipped"], end["label"]) == ("7", False, "7")
    assert end["reason"] == "the 1.5 s that a request has were over"


async def test_the_smallest_queue_has_room_for_a_search(engine: FakeEngine) -> None:
    async with serving(fake_service(engine, queue_size=1)) as client:
        *_, end = lines_of(await client.post("/flip?model=vgg11&to=5", content=b"\x07"))
    assert (end["flipped"], end["count"], end["reason"]) == (True, 1, None)


async def test_a_full_queue_is_told_as_one_while_there_is_time() -> None:
    full = ApiError("queue_full", "256 pictures are waiting already, for lenet; try again in 3 s", retry_after=3)
    assert _reason(full, Clock.starting(10)) == full.message
    for outcome, clock in (
        (full, Clock.starting(0)),
        (full, replace(Clock.starting(0.5), limit_s=10)),  # what waits would not be there in time
        (ApiError("deadline_exceeded", "late"), Clock.starting(10)),
    ):
        assert _reason(outcome, clock) == f"the {clock.limit_s:g} s that a request has were over"


@pytest.mark.parametrize("route", ["/predict?model=vgg11", "/compare?models=vgg11"])
async def test_requests_overtake_a_search(engine: FakeEngine, route: str) -> None:
    """The fake VGG-11 takes a picture at a time, and there is one stream: all others would come first in one line."""
    async with serving(fake_service(engine)) as client:
        engine.gated = ("vgg11",)
        engine.gate.clear()
        searching = asyncio.create_task(client.post("/flip?model=vgg11&to=3", content=b"\x07", headers=JSON))
        while not engine.busy.is_set():
            await asyncio.sleep(0.001)
        engine.gate.set()
        while len(engine.batches) < 20 and not searching.done():
            await asyncio.sleep(0.001)
        answer = await client.post(route, content=b"\x08")
        assert answer.status_code == 200
        assert not searching.done(), "it has more than a thousand pictures to look at"
        engine.wrong["vgg11"] = 3
        assert (await searching).json()["flipped"] is True


async def test_who_goes_away_ends_the_search(engine: FakeEngine) -> None:
    async with serving(fake_service(engine)) as client:
        searching = asyncio.create_task(client.post("/flip?model=vgg11&to=3", content=b"\x07"))
        while len(engine.batches) < 20 and not searching.done():
            await asyncio.sleep(0.001)
        searching.cancel()
        await asyncio.gather(searching, return_exceptions=True)
        await asyncio.sleep(0.05)  # what had begun
        looked = len(engine.batches)
        await client.post("/predict?model=vgg11", content=b"\x07")
        await asyncio.sleep(0.05)
        assert len(engine.batches) == looked + 1


async def test_it_is_counted_like_other_requests(client: httpx.AsyncClient) -> None:
    await client.post("/flip?model=lenet&to=5", content=b"\x07")
    told = (await client.get("/metrics")).text
    assert 'lineup_requests_total{code="ok",model="lenet",route="/flip",status="200"} 1.0' in told
    batches = next(line for line in told.splitlines() if line.startswith('lineup_batch_size_count{model="lenet"}'))
    assert float(batches.split()[1]) > 1


@pytest.fixture(scope="module")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def real(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_construct(weights=Path(WEIGHTS), device="cpu", networks="lenet")
    async with serving(local.service(settings, Engine(settings))) as client:
        yield client


@pytest.mark.parametrize(
    ("image", "dataset", "to"), [(draw_seven(), "mnist", "3"), (draw_shirt(), "fashion-mnist", "Bag")]
)
async def test_the_network_says_so_of_the_changed_picture(
    real: httpx.AsyncClient, image: Image.Image, dataset: str, to: str
) -> None:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    asked = {"model": "lenet", "dataset": dataset}
    before = (await real.post("/predict", params=asked, content=buffer.getvalue())).json()
    head, *steps, end = lines_of(await real.post("/flip", params={**asked, "to": to}, content=buffer.getvalue()))
    assert (head["label"], head["confidence"]) == (before["label"], before["confidence"])
    assert before["label"] != to
    assert (end["flipped"], end["label"], end["count"]) == (True, to, len(end["dabs"])), end
    assert steps[-1]["dabs"] == end["dabs"]
    sent = base64.b64decode(end["picture"])
    after = (await real.post("/predict?prepare=raw", params=asked, content=sent)).json()
    assert after["label"] == to
    assert painted(picture_of(head), head["brush"], end["dabs"]).tolist() == picture_of(end).tolist()


def painted(picture: Any, brush: list[list[int]], dabs: list[dict[str, Any]]) -> Any:
    """As a page would do it, from what the head says."""
    made = picture.astype(int)
    for dab in dabs:
        for row, column in np.ndindex(5, 5):
            y, x, ink = dab["y"] + row - 2, dab["x"] + column - 2, brush[row][column]
            if 0 <= y < 28 and 0 <= x < 28:
                made[y, x] = max(made[y, x], ink) if dab["ink"] == "add" else min(made[y, x], 255 - ink)
    return made
