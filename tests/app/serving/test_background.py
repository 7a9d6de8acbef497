"""Work that may wait: it runs while nobody else does, in short batches, and others find a stream that is free."""

import asyncio
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.serving.background import BRIEF_S, Background, Looked
from app.serving.batcher import Batcher
from app.serving.breaker import FAILURES, Breaker
from app.serving.lane import Lane
from app.serving.tickets import Broken, Closed, Late
from tests.app.serving.test_batcher import soon

pytestmark = pytest.mark.anyio


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if whatever runs were hard work, so that it is worth another stream."""
    monkeypatch.setattr("app.serving.batcher.QUICK_S", 0.0)


class Network:
    """Says a picture's first pixel, and remembers who asked, in the order of its work; `steps` lets that many go on."""

    def __init__(self) -> None:
        self.order: list[str] = []
        self.sizes: list[int] = []
        self.begun = threading.Semaphore(0)
        self.gated = False
        self.steps = threading.Semaphore(0)
        self.failing = False

    def look(self, pictures: NDArray[np.uint8], as_sent: bool) -> Looked:
        self._work("background")
        self.sizes.append(len(pictures))
        return Looked(pictures[:, 0, 0].astype(np.float32)[:, None], "digest")

    def answer(self, items: list[int]) -> list[int]:
        self._work("request")
        return items

    def _work(self, who: str) -> None:
        self.order.append(who)
        self.begun.release()
        assert not self.gated or self.steps.acquire(timeout=30)
        if self.failing:
            raise RuntimeError("this network is broken")

    async def has_begun(self) -> None:
        assert await asyncio.to_thread(self.begun.acquire, timeout=30)


@asynccontextmanager
async def queues(
    network: Network, *, streams: int = 1, max_batch: int = 4, max_queue: int = 100
) -> AsyncIterator[tuple[Background, Batcher[int, int]]]:
    executor, breaker = ThreadPoolExecutor(streams), Breaker()
    lane = Lane(executor, streams)
    batcher = Batcher(network.answer, lane, max_batch=8, max_queue=100, breaker=breaker)
    options: dict[str, Any] = {"max_batch": max_batch, "max_queue": max_queue, "observe": lambda size, seconds: None}
    background = Background(network.look, lane.background, breaker, **options)
    background.pace.saw(1, BRIEF_S / 100)
    try:
        yield background, batcher
    finally:
        network.steps.release(1000)
        await asyncio.gather(background.close(), batcher.close())
        executor.shutdown()


def pictures(count: int) -> NDArray[np.uint8]:
    return np.arange(count, dtype=np.uint8)[:, None, None].repeat(28, 1).repeat(28, 2)


async def test_every_picture_gets_its_own_answer_in_order() -> None:
    network = Network()
    async with queues(network) as (background, _):
        told = await background.look(pictures(10), True, soon(), object())
    assert told.probabilities[:, 0].tolist() == list(range(10))
    assert (told.digest, network.sizes) == ("digest", [4, 4, 2])


async def test_one_search_alone_does_not_fill_the_queue() -> None:
    network = Network()
    async with queues(network, max_batch=1, max_queue=3) as (background, _):
        told = await background.look(pictures(50), True, soon(), object())
    assert len(told.probabilities) == 50


@pytest.mark.parametrize(("streams", "max_queue"), [(4, 6), (4, 5), (2, 1), (8, 3), (24, 32)])
async def test_however_many_streams_there_are_one_search_leaves_room_in_the_queue(streams: int, max_queue: int) -> None:
    network = Network()
    async with queues(network, streams=streams, max_batch=1, max_queue=max_queue) as (background, _):
        searches = [background.look(pictures(100), True, soon(), name) for name in "ab"[: min(2, max_queue)]]
        for told in await asyncio.gather(*searches):
            assert told.probabilities[:, 0].tolist() == list(range(100))


@pytest.mark.parametrize(("item_s", "sizes"), [(BRIEF_S / 2.5, [2, 2, 1]), (10 * BRIEF_S, [1] * 5), (1e-9, [4, 1])])
async def test_batches_are_as_short_as_the_pace_says(item_s: float, sizes: list[int]) -> None:
    network = Network()
    async with queues(network) as (background, _):
        background.pace.item_s = item_s
        await background.look(pictures(5), True, soon(), object())
        assert background.looks_a_second() > 0
    assert network.sizes == sizes


async def test_the_first_batch_measures_the_pace() -> None:
    async with queues(Network()) as (background, _):
        background.pace.item_s = 0.0
        assert background.looks_a_second() == float("inf")
        await background.look(pictures(2), True, soon(), object())
        assert background.looks_a_second() < float("inf")


async def test_requests_overtake_all_of_it_that_has_not_begun() -> None:
    network = Network()
    network.gated = True
    async with queues(network) as (background, batcher):
        searching = asyncio.create_task(background.look(pictures(20), True, soon(), object()))
        await network.has_begun()
        asked = [asyncio.create_task(batcher.submit(n, soon())) for n in range(3)]
        while len(batcher) < 3:
            await asyncio.sleep(0)
        network.steps.release(1)  # the batch that runs
        await network.has_begun()
        later = asyncio.create_task(batcher.submit(3, soon()))
        network.steps.release(100)
        await asyncio.gather(searching, later, *asked)
    assert network.order == ["background", "request", "request", *4 * ["background"]]


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("streams", [2, 3])
async def test_a_request_finds_a_stream_that_is_free(streams: int) -> None:
    network = Network()
    network.gated = True
    async with queues(network, streams=streams) as (background, batcher):
        searching = asyncio.create_task(background.look(pictures(20), True, soon(), object()))
        for _ in range(streams - 1):
            await network.has_begun()
        asked = asyncio.create_task(batcher.submit(7, soon()))
        await network.has_begun()  # while nothing of what began before it has ended
        assert network.order == [*(streams - 1) * ["background"], "request"]
        network.steps.release(100)
        assert (await asked).value == 7
        await searching


async def test_several_searches_take_turns() -> None:
    done: list[str] = []

    async def search(name: str, count: int) -> None:
        await background.look(pictures(count), True, soon(), name)
        done.append(name)

    async with queues(Network()) as (background, _):
        await asyncio.gather(search("long", 80), search("short", 4))
    assert done == ["short", "long"]


async def test_who_goes_away_leaves_the_line() -> None:
    network = Network()
    network.gated = True
    async with queues(network) as (background, _):
        searching = asyncio.create_task(background.look(pictures(20), True, soon(), object()))
        await network.has_begun()
        searching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await searching
        network.steps.release(100)
        await background.look(pictures(1), True, soon(), object())
    assert network.sizes == [4, 1]


async def test_what_is_late_says_so_while_requests_keep_it_from_its_turn() -> None:
    network = Network()
    network.gated = True
    async with queues(network) as (background, batcher):
        asked = asyncio.create_task(batcher.submit(1, soon()))
        await network.has_begun()
        with pytest.raises(Late):
            await background.look(pictures(2), True, soon(0.02), object())
        network.steps.release(1)
        await asked
    assert network.order == ["request"]


async def test_what_fails_again_and_again_is_left_alone_by_both() -> None:
    network = Network()
    network.failing = True
    async with queues(network) as (background, batcher):
        for _ in range(FAILURES):
            with pytest.raises(RuntimeError, match="broken"):
                await background.look(pictures(1), True, soon(), object())
        with pytest.raises(Broken):
            await batcher.submit(1, soon())
        with pytest.raises(Broken):
            await background.look(pictures(1), True, soon(), object())


async def test_at_the_end_what_waits_is_told_so_and_what_runs_ends() -> None:
    network = Network()
    network.gated = True
    async with queues(network) as (background, _):
        searching = asyncio.create_task(background.look(pictures(20), True, soon(), object()))
        await network.has_begun()
        assert background.busy_s() > 0
        closing = asyncio.create_task(background.close())
        with pytest.raises(Closed):
            await searching
        assert not closing.done()
        network.steps.release(1)
        await closing
    assert network.sizes == [4]
