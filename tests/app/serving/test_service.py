"""What the service does beside answering: how it starts and how it ends."""

import asyncio
import gc
import threading
from pathlib import Path
from typing import Any

import pytest

from app.errors import ApiError
from app.serving import garbage, local
from app.serving.clock import Clock
from app.serving.opening import Opening
from app.settings import Settings
from app.uploads import Memory, Share, Upload
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio


async def test_the_threads_of_pytorch_are_set_before_any_thread_of_the_service_is_at_work() -> None:
    engine = FakeEngine()

    class Watching(FakeIntake):
        def load(self, root: Path) -> None:
            assert engine.configured
            super().load(root)

    async with serving(fake_service(engine, Watching())):
        assert engine.configured


async def test_who_made_the_service_is_told_once_all_is_loaded() -> None:
    told: list[bool] = []
    made = fake_service()
    service = local.service(made.settings, made.engine, made.intake, loaded=lambda: told.append(service.ready()))
    async with serving(service):
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0.001)
    assert told == [True]


async def test_hard_pictures_have_no_batch_refused_that_comes_after_them() -> None:
    service = fake_service()
    async with serving(service):
        service.opening.pool.pace.item_s = 2.0
        with Share(service.memory) as share:
            uploads = [Upload(b"\x07picture", share)] * 64
            outcomes = await service.ask_many("lenet", uploads, "mnist", 10, Clock.starting(10))
    assert [outcome for outcome in outcomes if isinstance(outcome, ApiError)] == []


@pytest.mark.parametrize("streams", [1, 2, 3])
async def test_so_many_batches_of_a_lane_run_at_once_as_the_engine_has_streams(streams: int) -> None:
    at_once = threading.Semaphore(0)

    class Counted(FakeEngine):
        def predict(self, *arguments: Any) -> Any:
            at_once.release()
            return super().predict(*arguments)

    engine = Counted()
    engine.streams = streams
    async with serving(fake_service(engine)) as client:
        engine.gate.clear()
        names = ["lenet", "resnet18"]  # of one lane
        asked = [asyncio.create_task(client.post(f"/predict?model={names[n % 2]}", content=b"\x01")) for n in range(2)]
        for _ in range(min(streams, 2)):
            assert await asyncio.to_thread(at_once.acquire, timeout=30)
        assert not at_once.acquire(blocking=False)
        engine.gate.set()
        assert [(await response).status_code for response in asked] == [200, 200]


async def test_of_several_networks_the_hardest_is_asked_first() -> None:
    class OneLane(FakeEngine):
        def lane(self, name: str) -> str:
            return "light"

    engine = OneLane()
    async with serving(fake_service(engine)) as client:
        assert (await client.post("/compare", content=b"\x01")).status_code == 200
    assert [name for _, name, _ in engine.batches] == ["vgg11", "lenet", "resnet18"]


@pytest.mark.parametrize("bad", [b"bad", b"blank", b"boom"])
async def test_tiny_pictures_that_wait_are_seen_together_and_one_that_is_bad_costs_no_other_its_answer(
    bad: bytes,
) -> None:
    batches: list[int] = []

    class Counted(FakeIntake):
        def see_all(self, asked: Any, max_pixels: int) -> Any:
            batches.append(len(asked))
            return super().see_all(asked, max_pixels)

    intake = Counted()
    intake.tiny = [b"\x01", b"\x02", b"\x03", bad]
    service = fake_service(intake=intake)
    async with serving(service) as client:
        intake.gate.clear()
        first = asyncio.create_task(client.post("/predict?model=lenet", content=b"\x01"))
        assert await asyncio.to_thread(intake.busy.wait, 30)
        rest = [
            asyncio.create_task(client.post("/predict?model=lenet", content=one)) for one in (b"\x02", bad, b"\x03")
        ]
        while len(service.opening) < 3:
            await asyncio.sleep(0.001)
        intake.gate.set()
        answers = [(await response) for response in (first, *rest)]
    assert batches == [1, 3]
    assert [answer.status_code for answer in answers] == [200, 200, 500 if bad == b"boom" else 422, 200]
    assert [answer.json().get("label") for answer in answers] == ["1", "2", None, "3"]


async def test_while_the_service_closes_what_is_at_work_is_answered_and_what_waits_is_refused() -> None:
    intake = FakeIntake()
    opening, memory = Opening(intake, Settings.model_construct(intake_threads=1)), Memory(1000)  # type: ignore[arg-type]

    async def see(data: bytes) -> Any:
        with Share(memory) as share:
            return await opening.see(Upload(data, share), "mnist", Clock.starting(30), "auto")

    intake.gate.clear()
    asked = [asyncio.create_task(see(b"\x01"))]
    assert await asyncio.to_thread(intake.busy.wait, 30)
    asked.append(asyncio.create_task(see(b"\x02")))
    while len(opening) < 2:
        await asyncio.sleep(0)
    closing = asyncio.create_task(opening.close())
    with pytest.raises(ApiError, match="shutting down"):
        await asked[1]
    with pytest.raises(ApiError, match="shutting down"):
        await see(b"\x03")
    assert not closing.done()
    intake.gate.set()
    assert (await asked[0]).picture[0, 0] == 1
    await closing


async def test_what_is_out_of_the_garbage_collectors_sight_is_back_in_it_when_the_application_ends() -> None:
    made = fake_service()
    settled = threading.Event()

    def settle() -> None:
        garbage.settle()
        settled.set()

    async with serving(local.service(made.settings, made.engine, made.intake, loaded=settle)):
        assert await asyncio.to_thread(settled.wait, 30)
        assert gc.get_freeze_count()
    assert not gc.get_freeze_count()
