"""What the service does beside answering: how it starts."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from app.serving.service import Service
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
    service = Service(made.settings, made.engine, made.intake, loaded=lambda: told.append(service.ready()))
    async with serving(service):
        async with asyncio.timeout(30):
            while not told:
                await asyncio.sleep(0.001)
    assert told == [True]


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
