"""More than can be answered: who waits for whom, who is refused at once, and what is told of it."""

import asyncio
from typing import Any

import httpx
import pytest

from app.serving import state
from app.serving.breaker import FAILURES
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio

VGG = "/predict?model=vgg11&dataset=mnist"
HARD = b"\x09hard"


class Hard(FakeIntake):
    """An intake that is held back by hard pictures alone, and counts how many of them it is at."""

    def __init__(self) -> None:
        super().__init__()
        self.at_work = self.most = 0

    def _wait(self, data: bytes) -> None:
        self.seen.append(data)
        if data == HARD:
            self.at_work += 1
            self.most = max(self.most, self.at_work)
            self.busy.set()
            assert self.gate.wait(30)
            self.at_work -= 1


def batch(*pictures: bytes) -> Any:
    return [("files", (f"{n}.png", data, "image/png")) for n, data in enumerate(pictures)]


async def test_a_batch_of_hard_pictures_keeps_nobody_else_waiting() -> None:
    intake = Hard()
    intake.gate.clear()
    async with serving(fake_service(intake=intake)) as client:
        hard = asyncio.create_task(client.post("/predict/batch?model=lenet", files=batch(*[HARD] * 16)))
        assert await asyncio.to_thread(intake.busy.wait, 30)
        for n in range(5):
            answer = await asyncio.wait_for(client.post("/predict?model=lenet", content=bytes([n])), 10)
            assert answer.json()["label"] == str(n)
        intake.gate.set()
        assert [one["label"] for one in (await hard).json()["results"]] == ["9"] * 16
    assert intake.most == 2  # of its threads one request has no more


async def test_batches_that_are_still_being_opened_keep_nobody_from_the_networks() -> None:
    intake = Hard()
    intake.gate.clear()
    async with serving(fake_service(intake=intake)) as client:
        pictures = batch(*[HARD] * 32)
        batches = [asyncio.create_task(client.post("/predict/batch?model=lenet", files=pictures)) for _ in range(8)]
        while "lineup_intake_length 256.0" not in (await client.get("/metrics")).text:
            await asyncio.sleep(0.01)
        lone = asyncio.create_task(client.post("/predict?model=lenet", content=b"\x05"))
        while "lineup_intake_length 257.0" not in (await client.get("/metrics")).text and not lone.done():
            await asyncio.sleep(0.01)
        intake.gate.set()
        assert (await lone).json()["label"] == "5"
        assert {(await asked).status_code for asked in batches} == {200}


async def queued(client: httpx.AsyncClient, count: int) -> None:
    """Wait until so many pictures wait for VGG-11."""
    while f'lineup_queue_length{{dataset="mnist",model="vgg11"}} {count}.0' not in (await client.get("/metrics")).text:
        await asyncio.sleep(0.001)


async def test_a_lone_request_waits_for_one_picture_of_a_batch_at_its_network() -> None:
    order: list[int] = []

    class Telling(FakeEngine):
        def predict(self, dataset: str, name: str, pictures: Any, as_sent: Any) -> Any:
            rows = super().predict(dataset, name, pictures, as_sent)
            order.append(int(pictures[0, 0, 0]))
            return rows

    engine = Telling()
    engine.gate.clear()
    async with serving(fake_service(engine)) as client:
        first = asyncio.create_task(client.post("/predict/batch?model=vgg11", files=batch(*[b"\x01"] * 20)))
        await queued(client, 19)
        lone = asyncio.create_task(client.post("/predict?model=vgg11", content=b"\x05"))
        await queued(client, 20)
        engine.gate.set()
        assert {(await asked).status_code for asked in (first, lone)} == {200}
    assert order[:3] == [1, 1, 5]


async def test_what_cannot_be_answered_in_time_is_refused_before_it_is_decoded_and_costs_others_nothing() -> None:
    engine, intake = FakeEngine(), FakeIntake()
    engine.gated = ["vgg11"]
    engine.measured = {("mnist", "vgg11"): 1.0, ("fashion-mnist", "vgg11"): 1.0}
    async with serving(fake_service(engine, intake)) as client:
        engine.gate.clear()
        flood = [asyncio.create_task(client.post(VGG, content=b"\x03")) for _ in range(600)]
        while sum(task.done() for task in flood) < 580:
            await asyncio.sleep(0.01)
        refused = [task.result() for task in flood if task.done()]
        assert len(intake.seen) < 20
        assert {answer.status_code for answer in refused} == {429}
        assert {answer.json()["error"]["code"] for answer in refused} == {"queue_full"}
        assert all(1 <= int(answer.headers["Retry-After"]) <= 12 for answer in refused)
        assert (await client.post("/predict?model=lenet", content=b"\x07")).json()["label"] == "7"
        assert (await client.post("/predict?model=resnet18", content=b"\x07")).status_code == 200
        assert (await client.get("/healthz")).status_code == 200
        engine.gate.set()
        assert {(await task).status_code for task in flood} == {200, 429}


async def test_of_a_comparison_only_the_network_without_room_is_refused(engine: FakeEngine) -> None:
    engine.gated = ["vgg11"]
    engine.measured = {("mnist", "vgg11"): 6.0}
    async with serving(fake_service(engine)) as client:
        engine.gate.clear()
        asked = [asyncio.create_task(client.post(VGG, content=b"\x03"))]
        assert await asyncio.to_thread(engine.busy.wait, 30)
        asked.append(asyncio.create_task(client.post(VGG, content=b"\x03")))
        await queued(client, 1)
        answer = (await client.post("/compare?dataset=mnist", content=b"\x04")).json()
        engine.gate.set()
        await asyncio.gather(*asked)
    assert answer["unavailable"] == ["vgg11"]
    assert answer["errors"]["vgg11"]["code"] == "queue_full"
    assert answer["agreement"]["of"] == 2


async def test_a_network_that_fails_again_and_again_is_paused_and_readyz_and_metrics_say_so(
    client: httpx.AsyncClient, engine: FakeEngine
) -> None:
    engine.failing.add("lenet")
    answers = [await client.post("/predict?model=lenet&dataset=mnist", content=b"\x01") for _ in range(FAILURES + 2)]
    assert [answer.status_code for answer in answers] == [500] * FAILURES + [503] * 2
    assert len(engine.batches) == FAILURES
    assert answers[-1].json()["error"]["code"] == "model_unavailable"
    assert 1 <= int(answers[-1].headers["Retry-After"]) <= 5
    ready = await client.get("/readyz")
    assert ready.status_code == 200  # the others answer
    (paused,) = (one for one in ready.json()["networks"] if one["state"] != "ready")
    assert (paused["model"], paused["dataset"], paused["state"]) == ("lenet", "mnist", "failed")
    assert "tried again in" in paused["reason"]
    assert 'lineup_breaker_open{dataset="mnist",model="lenet"} 1.0' in (await client.get("/metrics")).text
    assert (await client.post("/predict?model=resnet18", content=b"\x01")).status_code == 200


@pytest.mark.parametrize("where", ["intake", "network"])
async def test_a_thread_that_does_not_come_back_makes_the_service_unready(
    where: str, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(state, "STUCK_S", 0.0)
    intake = FakeIntake()
    async with serving(fake_service(engine, intake, deadline_s=0.01)) as client:
        held = intake if where == "intake" else engine
        held.gate.clear()
        assert (await client.post("/predict?model=lenet", content=b"\x01")).status_code == 504
        while (ready := await client.get("/readyz")).status_code == 200:
            await client.post("/predict?model=lenet", content=b"\x01")  # late before a thread had it, on a busy machine
        assert "a thread has been busy with the same picture" in ready.json()["error"]["message"]
        held.gate.set()
        while (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
