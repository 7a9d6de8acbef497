"""POST /compare on fakes: all answers together, or line by line as they come."""

import asyncio
import gc
import json
from typing import Any

import httpx
import numpy as np
import pytest

from app.answers import PREDICTION, Prediction
from app.serving.assemble import Answered, agreement, scores
from app.serving.engine import State
from app.uploads import Upload
from tests.app.conftest import serving
from tests.fakes import BAD, DIGEST, FakeEngine, fake_service

pytestmark = pytest.mark.anyio

NDJSON = {"Accept": "application/x-ndjson"}


async def test_all_networks_beside_each_other(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.wrong["lenet"] = 1
    body = (await client.post("/compare", content=b"\x07")).json()
    assert (body["dataset"], body["dataset_confidence"]) == ("mnist", 0.99)
    assert [(one["model"], one["label"]) for one in body["results"]] == [
        ("lenet", "1"),
        ("vgg11", "7"),
        ("resnet18", "7"),
    ]
    assert body["agreement"] == {"label": "7", "index": 7, "votes": 2, "of": 3, "dissent": ["lenet"]}
    assert (body["unavailable"], body["errors"]) == ([], {})
    assert set(body["timing_ms"]) == {"decode", "auto", "prepare", "gate", "total"}


async def test_named_networks_come_once_each_in_the_catalogs_order(client: httpx.AsyncClient) -> None:
    body = (await client.post("/compare?models=resnet18, lenet,resnet18", content=b"\x07")).json()
    assert [one["model"] for one in body["results"]] == ["lenet", "resnet18"]


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("models=lenet,resnet19", 404, "unknown_model"),
        ("models=,", 422, "invalid_parameter"),
        ("models=", 422, "invalid_parameter"),
        ("dataset=cifar", 404, "unknown_dataset"),
    ],
)
async def test_wrong_parameters(client: httpx.AsyncClient, query: str, status: int, code: str) -> None:
    response = await client.post(f"/compare?{query}", content=b"\x07")
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_a_missing_network_is_named_and_not_counted(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.now["mnist", "vgg11"] = State("missing", "there is no mnist/vgg11.lineup")
    body = (await client.post("/compare", content=b"\x07")).json()
    assert body["unavailable"] == ["vgg11"]
    assert body["errors"]["vgg11"]["code"] == "model_unavailable"
    assert (body["agreement"]["votes"], body["agreement"]["of"]) == (2, 2)
    assert [one["model"] for one in body["results"]] == ["lenet", "resnet18"]


async def test_a_broken_network_costs_the_others_nothing(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.failing.add("resnet18")
    body = (await client.post("/compare", content=b"\x07")).json()
    assert body["errors"] == {"resnet18": {"code": "internal", "message": "this answer failed inside the service"}}
    assert body["agreement"]["of"] == 2


async def test_where_no_network_answers_the_whole_is_an_error(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    for model in engine.names:
        engine.now["mnist", model] = State("missing", "no file")
    response = await client.post("/compare", content=b"\x07")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_unavailable")


async def test_an_unreadable_picture_is_an_error_in_both_forms(client: httpx.AsyncClient) -> None:
    for headers in ({}, NDJSON):
        response = await client.post("/compare", content=BAD, headers=headers)
        assert (response.status_code, response.json()["error"]["code"]) == (422, "undecodable")


async def test_lines_come_as_the_networks_finish(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.now["mnist", "vgg11"] = State("missing", "no file")
    engine.wrong["lenet"] = 2
    response = await client.post("/compare", content=b"\x07", headers=NDJSON)
    assert response.headers["Content-Type"].startswith("application/x-ndjson")
    assert response.headers["X-Accel-Buffering"] == "no"
    head, *lines, tail = (json.loads(line) for line in response.text.splitlines())
    assert head.pop("reason") == "it looks like what the first byte says"
    assert head == {
        "dataset": "mnist",
        "dataset_confidence": 0.99,
        "in_distribution": True,
        "in_distribution_score": 0.97,
        "models": ["lenet", "vgg11", "resnet18"],
    }
    said = {line["model"]: line.get("label") or line["error"]["code"] for line in lines}
    assert said == {"lenet": "2", "vgg11": "model_unavailable", "resnet18": "7"}
    assert set(tail) == {"unavailable", "errors", "agreement", "timing_ms"}
    assert tail["unavailable"] == ["vgg11"]
    assert tail["agreement"]["of"] == 2


async def test_the_two_forms_say_the_same(client: httpx.AsyncClient) -> None:
    def timeless(answer: dict[str, Any]) -> dict[str, Any]:
        return {key: value for key, value in answer.items() if key not in ("timing_ms", "batch_size")}

    whole = (await client.post("/compare", content=b"\x07")).json()
    lines = (await client.post("/compare", content=b"\x07", headers=NDJSON)).text.splitlines()
    streamed = sorted((json.loads(line) for line in lines[1:-1]), key=lambda one: one["model"])
    expected = sorted(whole["results"], key=lambda one: one["model"])
    assert [timeless(one) for one in streamed] == [timeless(one) for one in expected]


async def test_when_the_client_goes_away_what_waits_is_never_computed(engine: FakeEngine) -> None:
    service = fake_service(engine)
    async with serving(service):
        app_client = _Leaving(service)
        engine.gate.clear()  # both lanes are held: lenet and vgg11 run, resnet18 waits for lenet
        await app_client.leave_after_head()
        engine.gate.set()
    assert ("mnist", "resnet18", 1) not in engine.batches


class _Leaving:
    """A client that hangs up after the first line."""

    def __init__(self, service: Any) -> None:
        from app.main import create_app

        self.app = create_app(service=service)
        self.head = asyncio.Event()
        self.sent = False

    async def receive(self) -> dict[str, Any]:
        if not self.sent:
            self.sent = True
            return {"type": "http.request", "body": b"\x07", "more_body": False}
        await self.head.wait()
        await asyncio.sleep(0.05)
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message.get("body"):
            self.head.set()

    async def leave_after_head(self) -> None:
        headers = [(b"accept", b"application/x-ndjson")]
        scope = {"type": "http", "method": "POST", "path": "/compare", "query_string": b"", "headers": headers}
        await self.app({**scope, "asgi": {"version": "3.0"}, "http_version": "1.1"}, self.receive, self.send)


async def test_who_errs_less_weighs_more(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.wrong["lenet"] = 2
    engine.weights = {"lenet": 9.0, "vgg11": 1.0, "resnet18": 1.0}
    whole = (await client.post("/compare", content=b"\x07")).json()["agreement"]
    assert whole == {"label": "2", "index": 2, "votes": 1, "of": 3, "dissent": ["vgg11", "resnet18"]}
    *_, tail = (await client.post("/compare", content=b"\x07", headers=NDJSON)).text.splitlines()
    assert json.loads(tail)["agreement"] == whole
    engine.now["mnist", "lenet"] = State("missing", "no file")
    without = (await client.post("/compare", content=b"\x07")).json()["agreement"]
    assert (without["label"], without["votes"], without["of"]) == ("7", 2, 2)


def saying(model: str, index: int, confidence: float) -> Answered:
    row = np.full(10, (1 - confidence) / 9, np.float32)
    row[index] = confidence
    told = {"model": model, "label": str(index), "index": index, "confidence": round(confidence, 4)}
    return Answered(Prediction.model_validate({**PREDICTION, **told}), row, DIGEST)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [
        ([("a", 7, 0.9), ("b", 7, 0.8), ("c", 1, 0.99)], (7, 2, ["c"])),
        ([("a", 7, 0.9), ("b", 7, 0.4), ("c", 1, 1.0)], (1, 1, ["a", "b"])),  # who is sure against it counts
        ([("a", 7, 0.4), ("b", 7, 0.4), ("c", 1, 1.0)], (1, 1, ["a", "b"])),  # all together hold 1 for likelier
        ([("a", 7, 0.6), ("b", 1, 0.9)], (1, 1, ["a"])),  # a tie: the more confident
        ([("a", 7, 0.50001), ("b", 1, 0.50004)], (1, 1, ["a"])),  # though both are told as 0.5
        ([("a", 7, 0.50004), ("b", 1, 0.50001)], (7, 1, ["b"])),
        ([("a", 3, 0.5)], (3, 1, [])),
    ],
)
def test_agreement(votes: list[tuple[str, int, float]], expected: tuple[int, int, list[str]]) -> None:
    found = agreement([saying(*vote) for vote in votes])
    assert found is not None
    assert (found.index, found.votes, found.dissent) == expected
    assert (found.label, found.of) == (str(expected[0]), len(votes))


def test_the_likeliest_class_comes_first_even_where_rounding_hides_it() -> None:
    probabilities = np.array([0.00001, 0.49998, 0.50001, 0], np.float32)
    ranked = [(score.label, score.probability) for score in scores(probabilities, "abcd")]
    assert ranked == [("c", 0.5), ("b", 0.5), ("a", 0.0), ("d", 0.0)]


def test_no_agreement_of_nobody() -> None:
    assert agreement([]) is None


async def test_the_picture_is_let_go_while_networks_are_at_work(engine: FakeEngine) -> None:
    service = fake_service(engine)
    async with serving(service) as client:
        engine.gate.clear()
        asked = asyncio.create_task(client.post("/compare", content=bytes([7]) * 123_457))
        while not engine.busy.is_set():
            await asyncio.sleep(0.001)
        gc.collect()
        assert service.memory.used == 0
        assert not [one for one in gc.get_objects() if type(one) is Upload]
        engine.gate.set()
        assert (await asked).status_code == 200
