"""X-Deadline-Ms: how long a client is willing to wait."""

import asyncio
import time

import httpx
import pytest

from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio
POSTS = ["/predict", "/compare", "/prepare", "/read"]


@pytest.mark.parametrize("path", POSTS)
async def test_a_late_answer_is_504_by_the_clients_own_deadline(path: str) -> None:
    intake = FakeIntake()
    intake.gate.clear()
    async with serving(fake_service(intake=intake)) as client:
        began = time.monotonic()
        answer = await client.post(path, content=b"\x07", headers={"X-Deadline-Ms": "80"})
        took = time.monotonic() - began
        intake.gate.set()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")
    assert answer.json()["error"]["message"] == "there was no answer within 0.08 s"
    assert 0.07 <= took < 5  # of the service's own ten


async def test_what_is_late_in_a_queue_is_not_computed(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.gate.clear()
    first = asyncio.create_task(client.post("/predict?model=lenet", content=b"\x01"))
    await asyncio.to_thread(engine.busy.wait, 30)
    late = await client.post("/predict?model=lenet", content=b"\x02", headers={"x-deadline-ms": "60"})
    assert late.status_code == 504
    engine.gate.set()
    assert (await first).json()["label"] == "1"
    assert (await client.post("/predict?model=lenet", content=b"\x03")).json()["label"] == "3"
    assert [size for _, _, size in engine.batches] == [1, 1]


async def test_each_picture_of_a_batch_is_late(engine: FakeEngine) -> None:
    engine.gate.clear()
    async with serving(fake_service(engine)) as client:
        files = [("files", (f"{n}.png", bytes([n]), "image/png")) for n in range(3)]
        answer = await client.post("/predict/batch", files=files, headers={"X-Deadline-Ms": "80"})
        engine.gate.set()
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "deadline_exceeded")


@pytest.mark.parametrize("given", ["60000", "9" * 30, "9" * 5000])
async def test_it_never_lengthens_the_services_own(given: str) -> None:
    intake = FakeIntake()
    intake.gate.clear()
    async with serving(fake_service(intake=intake, deadline_s=0.1)) as client:
        answer = await client.post("/predict", content=b"\x07", headers={"X-Deadline-Ms": given})
        intake.gate.set()
    assert answer.json()["error"]["message"] == "there was no answer within 0.1 s"


@pytest.mark.parametrize("path", [*POSTS, "/predict/batch"])
@pytest.mark.parametrize("wrong", ["0", "00", "-5", "1.5", "1e3", "", "soon", "10, 20", "0x10", "+5"])
async def test_what_is_no_time_is_refused_before_anything_is_read(path: str, wrong: str) -> None:
    intake = FakeIntake()
    async with serving(fake_service(intake=intake)) as client:
        answer = await client.post(path, content=b"\x07", headers={"X-Deadline-Ms": wrong})
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_parameter")
    assert f"X-Deadline-Ms is '{wrong}'" in answer.json()["error"]["message"]
    assert intake.seen == []


async def test_two_deadlines_are_one_too_many(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", content=b"\x07", headers=[("X-Deadline-Ms", "50"), ("X-Deadline-Ms", "60")])
    assert answer.status_code == 422


async def test_in_time_is_an_answer(client: httpx.AsyncClient) -> None:
    answer = await client.post("/predict", content=b"\x07", headers={"X-Deadline-Ms": "5000"})
    assert answer.json()["label"] == "7"
