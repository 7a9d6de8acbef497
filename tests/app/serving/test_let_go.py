"""An upload goes with its request: no error keeps it until the garbage collector comes by."""

import asyncio
import gc
import sys
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from app.errors import ApiError
from app.serving.batcher import Batcher
from app.serving.clock import Clock
from app.serving.lane import Lane
from app.serving.opening import Opening
from app.serving.service import Service
from app.serving.state import State
from app.serving.tickets import Late
from app.settings import Settings
from app.uploads import Memory, Share, Upload
from tests.fakes import BAD, BOOM, FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def opening(intake: FakeIntake) -> AsyncIterator[Opening]:
    made = Opening(intake, Settings.model_construct(intake_threads=1))  # type: ignore[arg-type]
    try:
        yield made
    finally:
        intake.gate.set()
        await made.close()


@pytest.fixture
def _no_garbage_collector() -> Iterator[None]:
    gc.collect()
    gc.disable()
    yield
    gc.enable()


async def see(made: Opening, data: bytes, memory: Memory, seconds: float = 30) -> None:
    with suppress(ApiError, RuntimeError), Share(memory) as share:
        await made.see(Upload(data, share), "mnist", Clock.starting(seconds), "auto")


@pytest.mark.usefixtures("_no_garbage_collector")
@pytest.mark.parametrize(("data", "tiny"), [(BAD, False), (BAD, True), (BOOM, False)])
async def test_an_upload_that_cannot_be_seen_is_let_go_with_its_share(data: bytes, tiny: bool) -> None:
    intake, memory = FakeIntake(), Memory(1000)
    upload = bytes(bytearray(data))  # one that nobody else holds
    alone = sys.getrefcount(upload)
    intake.tiny = [upload] if tiny else []
    async with opening(intake) as made:
        await see(made, upload, memory)
        intake.seen.clear()
        intake.tiny = []
    assert memory.used == 0
    await asyncio.sleep(0)  # while a task goes on with an error, asyncio holds that
    assert sys.getrefcount(upload) == alone


@pytest.mark.usefixtures("_no_garbage_collector")
async def test_an_upload_that_is_late_is_let_go_when_its_thread_has_done() -> None:
    intake, memory = FakeIntake(), Memory(1000)
    upload = bytes(bytearray(b"late"))
    alone = sys.getrefcount(upload)
    intake.gate.clear()
    async with opening(intake) as made:
        await see(made, upload, memory, 0.02)
        intake.gate.set()
        while len(made):
            await asyncio.sleep(0.001)
        intake.seen.clear()
    assert memory.used == 0
    await asyncio.sleep(0)  # while a task goes on with an error, asyncio holds that
    assert sys.getrefcount(upload) == alone


@pytest.mark.usefixtures("_no_garbage_collector")
@pytest.mark.parametrize("seconds", [30, 0.02])
async def test_an_item_that_a_network_fails_on_is_let_go(seconds: float) -> None:
    item, gate = bytes(1000), threading.Event()
    alone = sys.getrefcount(item)

    def run(items: list[bytes]) -> list[bytes]:
        assert gate.wait(30)
        raise ValueError("never")

    executor = ThreadPoolExecutor(1)
    batcher = Batcher(run, Lane(executor), max_batch=8, max_queue=8)
    if seconds == 30:
        gate.set()
    with suppress(ValueError, Late):
        await batcher.submit(item, asyncio.get_running_loop().time() + seconds)
    gate.set()
    await batcher.close()
    executor.shutdown()
    await asyncio.sleep(0)
    assert sys.getrefcount(item) == alone


def full(service: Service, engine: FakeEngine) -> None:
    for batcher in service.networks._batchers.values():
        batcher._max_queue = 0


def broken(service: Service, engine: FakeEngine) -> None:
    engine.now = {key: State("failed", "damaged") for key in engine.now}


def held_back(service: Service, engine: FakeEngine) -> None:
    engine.gate.clear()


ASKED: list[Callable[[Service, Upload, Clock], Awaitable[Any]]] = [
    lambda service, upload, clock: service.see(upload, "mnist", clock, models=["lenet"]),
    lambda service, upload, clock: service.read(upload, "lenet", clock),
    lambda service, upload, clock: service.ask_many("lenet", [upload] * 3, "mnist", 10, clock),
]


@pytest.mark.usefixtures("_no_garbage_collector")
@pytest.mark.parametrize("asked", ASKED, ids=["see", "read", "batch"])
@pytest.mark.parametrize("spoil", [full, broken, held_back])
async def test_an_upload_that_is_refused_is_let_go(
    asked: Callable[[Service, Upload, Clock], Awaitable[Any]], spoil: Callable[[Service, FakeEngine], None]
) -> None:
    engine, intake = FakeEngine(), FakeIntake()
    service = fake_service(engine, intake)
    await service.start()
    while not service.ready():
        await asyncio.sleep(0.001)
    spoil(service, engine)
    data = bytes(bytearray(b"12"))  # one that nobody else holds
    alone = sys.getrefcount(data)
    with suppress(ApiError), Share(service.memory) as share:
        await asked(service, Upload(data, share), Clock.starting(0.05))
    engine.gate.set()
    intake.seen.clear()
    await service.close()
    await asyncio.sleep(0)
    assert sys.getrefcount(data) == alone
