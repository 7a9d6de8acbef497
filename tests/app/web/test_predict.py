"""POST /predict and /predict/batch, on fakes: what is asked, what comes back, and what is refused."""

import asyncio
from typing import Any

import httpx
import pytest

from app.serving.state import State
from tests.app.conftest import serving
from tests.fakes import BAD, BLANK, BOOM, SLOW, FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio

DIGITS = [str(n) for n in range(10)]


def files(*contents: bytes, field: str = "files") -> list[tuple[str, tuple[str, bytes, str]]]:
    return [(field, (f"{n}.png", content, "image/png")) for n, content in enumerate(contents)]


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message; the one shape of errors is checked on the way."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    return response.status_code, body["error"]["code"], body["error"]["message"]


async def test_a_form_and_a_raw_body_get_the_same_answer(client: httpx.AsyncClient) -> None:
    form = (await client.post("/predict", files=files(b"\x07", field="file"))).json()
    raw = (await client.post("/predict", content=b"\x07", headers={"Content-Type": "image/png"})).json()
    bare = (await client.post("/predict", content=b"\x07")).json()
    for answer in (form, raw, bare):
        assert set(answer.pop("timing_ms")) == {"decode", "auto", "prepare", "gate", "queue", "inference", "total"}
    assert form == raw == bare
    assert {key: form[key] for key in ("model", "dataset", "label", "index", "batch_size")} == {
        "model": "resnet18",
        "dataset": "mnist",
        "label": "7",
        "index": 7,
        "batch_size": 1,
    }
    assert form["dataset_confidence"] == 0.99


async def test_probabilities_are_sorted_and_sum_to_one(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/predict", content=b"\x07")).json()
    said = answer["predictions"]
    assert [one["label"] for one in said] == ["7", *(d for d in DIGITS if d != "7")]
    assert said[0] == {"label": "7", "index": 7, "probability": 0.82}
    assert sum(one["probability"] for one in said) == pytest.approx(1, abs=1e-3)
    assert answer["confidence"] == said[0]["probability"]


@pytest.mark.parametrize("top_k", [1, 3, 10])
async def test_top_k_lists_so_many(client: httpx.AsyncClient, top_k: int) -> None:
    answer = (await client.post("/predict", params={"top_k": top_k}, content=b"\x07")).json()
    assert len(answer["predictions"]) == top_k
    assert answer["label"] == "7"


async def test_a_named_dataset_is_taken_and_has_no_confidence(client: httpx.AsyncClient) -> None:
    answer = (await client.post("/predict?dataset=fashion-mnist&model=lenet", content=b"\x09")).json()
    assert (answer["model"], answer["dataset"], answer["label"]) == ("lenet", "fashion-mnist", "Ankle boot")
    assert answer["dataset_confidence"] is None


@pytest.mark.parametrize(
    ("query", "status", "code", "told"),
    [
        ("model=resnet19", 404, "unknown_model", "no network 'resnet19'; there are: lenet, vgg11, resnet18"),
        ("dataset=cifar", 404, "unknown_dataset", "no dataset 'cifar'; there are: auto, mnist, fashion-mnist"),
        ("top_k=11", 422, "invalid_parameter", "'top_k' is '11'; it should be less than or equal to 10"),
        ("top_k=0", 422, "invalid_parameter", "greater than or equal to 1"),
        ("top_k=many", 422, "invalid_parameter", "'top_k' is 'many'; it should be a valid integer"),
        ("model=" + "x" * 1000, 404, "unknown_model", f"'{'x' * 61}...'"),
        ("model=%1b%5B31m%0a", 404, "unknown_model", "'\N{REPLACEMENT CHARACTER}[31m\N{REPLACEMENT CHARACTER}'"),
    ],
)
@pytest.mark.parametrize("route", ["/predict", "/predict/batch"])
async def test_wrong_parameters(
    client: httpx.AsyncClient, route: str, query: str, status: int, code: str, told: str
) -> None:
    found = error_of(await client.post(f"{route}?{query}", files=files(b"\x01")))
    assert found[:2] == (status, code)
    assert told in found[2]
    assert len(found[2]) < 200


@pytest.mark.parametrize(
    ("request_", "status", "code", "told"),
    [
        ({}, 422, "invalid_parameter", "no picture in the request"),
        ({"content": b"", "headers": {"Content-Type": "image/png"}}, 422, "invalid_parameter", "no picture"),
        ({"files": files(b"\x01", field="image")}, 422, "invalid_parameter", "'file' is missing; the form has 'image'"),
        ({"files": files(b"\x01", b"\x02", field="file")}, 422, "invalid_parameter", "more than one 'file'"),
        ({"files": files(b"", field="file")}, 422, "undecodable", "the file is empty"),
        ({"data": {"file": "x"}}, 415, "unsupported_type", "application/x-www-form-urlencoded"),
        ({"json": {"file": "x"}}, 415, "unsupported_type", "'application/json'; send image/*"),
        ({"content": BAD}, 422, "undecodable", "no picture"),
        ({"content": BLANK}, 422, "nothing_found", "blank"),
    ],
)
async def test_wrong_pictures(
    client: httpx.AsyncClient, request_: dict[str, Any], status: int, code: str, told: str
) -> None:
    found = error_of(await client.post("/predict", **request_))
    assert found[:2] == (status, code)
    assert told in found[2]


@pytest.mark.parametrize(
    ("state", "code", "retry"),
    [("loading", "not_ready", "2"), ("missing", "model_unavailable", None), ("failed", "model_unavailable", None)],
)
@pytest.mark.parametrize("route", ["/predict", "/predict/batch"])
async def test_a_network_that_is_not_there(
    client: httpx.AsyncClient, engine: FakeEngine, route: str, state: Any, code: str, retry: str | None
) -> None:
    engine.now["mnist", "vgg11"] = State(state, "a reason")
    sent = {"files": files(b"\x01", b"\x02")} if "batch" in route else {"content": b"\x01"}
    response = await client.post(f"{route}?model=vgg11", **sent)
    assert error_of(response)[:2] == (503, code)
    assert "vgg11 for mnist" in response.text
    assert response.headers.get("Retry-After") == retry


async def test_an_unforeseen_error_tells_nothing_but_the_request(client: httpx.AsyncClient) -> None:
    response = await client.post("/predict", content=BOOM)
    status, code, message = error_of(response)
    assert (status, code) == (500, "internal")
    assert "secret" not in response.text
    assert response.headers["X-Request-ID"] in message


async def test_a_broken_network_answers_500_and_the_next_request_is_served(
    client: httpx.AsyncClient, engine: FakeEngine
) -> None:
    engine.failing.add("lenet")
    assert error_of(await client.post("/predict?model=lenet", content=b"\x01"))[:2] == (500, "internal")
    engine.failing.clear()
    assert (await client.post("/predict?model=lenet", content=b"\x01")).json()["label"] == "1"


async def test_requests_that_wait_together_share_a_batch(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.gate.clear()
    tasks = [asyncio.create_task(client.post("/predict", content=b"\x00"))]
    await asyncio.to_thread(engine.busy.wait, 30)
    tasks += [asyncio.create_task(client.post("/predict", content=bytes([n]))) for n in range(1, 7)]
    waiting = 'lineup_queue_length{dataset="mnist",model="resnet18"} 6.0'
    while waiting not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.01)
    engine.gate.set()
    answers = [response.json() for response in await asyncio.gather(*tasks)]
    assert [answer["index"] for answer in answers] == list(range(7))
    assert [answer["batch_size"] for answer in answers] == [1, 6, 6, 6, 6, 6, 6]


async def test_a_light_network_does_not_wait_for_a_heavy_one(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.gated = {"vgg11"}
    engine.gate.clear()
    heavy = asyncio.create_task(client.post("/predict?model=vgg11", content=b"\x01"))
    await asyncio.to_thread(engine.busy.wait, 30)
    assert (await client.post("/predict?model=lenet", content=b"\x02")).json()["label"] == "2"
    assert not heavy.done()
    engine.gate.set()
    assert (await heavy).json()["label"] == "1"


async def test_a_full_queue_is_429_with_retry_after(engine: FakeEngine) -> None:
    async with serving(fake_service(engine, queue_size=2)) as client:
        engine.gate.clear()
        tasks = [asyncio.create_task(client.post("/predict", content=b"\x01")) for _ in range(6)]
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        refused = done.pop().result()
        assert error_of(refused)[:2] == (429, "queue_full")
        assert int(refused.headers["Retry-After"]) >= 1
        engine.gate.set()
        statuses = [task.result().status_code for task in (await asyncio.wait(tasks))[0]]
        assert set(statuses) == {200, 429}


async def test_the_deadline_holds_in_the_queue_and_in_intake(engine: FakeEngine) -> None:
    async with serving(fake_service(engine, deadline_s=0.05)) as client:
        engine.gate.clear()
        found = error_of(await client.post("/predict", content=b"\x01"))
        assert found == (504, "deadline_exceeded", "there was no answer within 0.05 s")
        engine.gate.set()
    async with serving(fake_service(deadline_s=0.05, intake=FakeIntake(seconds=0.2))) as client:
        assert error_of(await client.post("/predict", content=b"\x01"))[:2] == (504, "deadline_exceeded")


async def test_a_batch_answers_every_picture_in_order_and_each_error_in_its_place(client: httpx.AsyncClient) -> None:
    response = await client.post(
        "/predict/batch?top_k=1", files=files(b"\x03", BAD, b"\x05", b"", BLANK, BOOM, b"\x09")
    )
    body = response.json()
    assert response.status_code == 200
    assert set(body) == {"model", "results", "timing_ms"}
    assert set(body["timing_ms"]) == {"total"}
    said = [result.get("label") or result["error"]["code"] for result in body["results"]]
    assert said == ["3", "undecodable", "5", "undecodable", "nothing_found", "internal", "9"]
    assert "secret" not in response.text


async def test_a_batch_larger_than_the_queue_is_served(engine: FakeEngine) -> None:
    async with serving(fake_service(engine, queue_size=4)) as client:
        response = await client.post("/predict/batch", files=files(*(bytes([n]) for n in range(40))))
    assert [result["index"] for result in response.json()["results"]] == [n % 10 for n in range(40)]


@pytest.mark.parametrize(
    ("request_", "status", "code", "told"),
    [
        ({"content": b"\x01"}, 415, "unsupported_type", "multipart/form-data, field 'files'"),
        ({}, 415, "unsupported_type", "multipart/form-data"),
        ({"files": files(b"\x01", field="file")}, 422, "invalid_parameter", "'files' is missing; the form has 'file'"),
    ],
)
async def test_wrong_batches(
    client: httpx.AsyncClient, request_: dict[str, Any], status: int, code: str, told: str
) -> None:
    found = error_of(await client.post("/predict/batch", **request_))
    assert found[:2] == (status, code)
    assert told in found[2]


async def test_the_same_picture_gets_the_same_answer_alone_and_in_a_batch(client: httpx.AsyncClient) -> None:
    alone = (await client.post("/predict", content=b"\x04")).json()
    batch = (await client.post("/predict/batch", files=files(b"\x01", b"\x04", b"\x08"))).json()
    assert batch["results"][1]["predictions"] == alone["predictions"]


async def test_a_timeout_of_the_intakes_own_is_no_missed_deadline(client: httpx.AsyncClient) -> None:
    assert error_of(await client.post("/predict", content=SLOW))[:2] == (500, "internal")


UNABLE = {"missing": "model_unavailable", "failed": "model_unavailable", "loading": "not_ready"}


@pytest.mark.parametrize("route", ["/predict?model=lenet", "/predict/batch?model=lenet", "/compare?models=lenet"])
@pytest.mark.parametrize("dataset", ["mnist", "auto"])
@pytest.mark.parametrize("state", list(UNABLE))
async def test_what_no_network_can_answer_is_refused_before_the_picture_is_looked_at(
    state: Any, dataset: str, route: str
) -> None:
    engine, intake = FakeEngine(), FakeIntake()
    async with serving(fake_service(engine, intake)) as client:
        for name in engine.datasets if dataset == "auto" else [dataset]:
            engine.now[name, "lenet"] = State(state, "no file")
        upload = {"files": files(b"\x07")} if "batch" in route else {"content": b"\x07"}
        response = await client.post(f"{route}&dataset={dataset}", **upload)
    assert error_of(response)[:2] == (503, UNABLE[state])
    assert not intake.seen


async def test_a_network_that_can_answer_for_one_dataset_may_be_the_one_that_is_needed() -> None:
    engine = FakeEngine()
    engine.then["fashion-mnist", "lenet"] = State("missing", "no file")
    async with serving(fake_service(engine)) as client:
        assert (await client.post("/predict?model=lenet", content=b"\x07")).status_code == 200


@pytest.mark.parametrize(("state", "code"), UNABLE.items())
async def test_without_auto_the_dataset_must_be_named_and_that_is_known_before(state: Any, code: str) -> None:
    intake = FakeIntake()
    async with serving(fake_service(None, intake)) as client:
        intake.states["auto"] = State(state, "no file")
        assert error_of(await client.post("/predict", content=b"\x07"))[:2] == (503, code)
        assert not intake.seen
        assert (await client.post("/predict?dataset=mnist", content=b"\x07")).status_code == 200
