"""The batcher on a lane of several streams."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.serving.batcher import Batcher
from app.serving.lane import Lane
from app.serving.pace import QueueFull
from app.serving.tickets import Closed, Late
from tests.app.serving.test_batcher import Device, batching, occupied, recording, soon, waiting

pytestmark = pytest.mark.anyio


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if whatever runs were hard work, so that it is worth another stream."""
    monkeypatch.setattr("app.serving.batcher.QUICK_S", 0.0)


async def begun(device: Device, count: int) -> None:
    while len(device.begun) != count:
        await asyncio.sleep(0.001)


async def all_busy(batcher: Batcher[int, int], device: Device, streams: int) -> list[asyncio.Task[Any]]:
    """Close the gate behind one request on each stream."""
    device.gate.clear()
    tasks = []
    for n in range(streams):
        tasks.append(asyncio.create_task(batcher.submit(100 + n, soon())))
        await begun(device, n + 1)
    return tasks


@pytest.mark.usefixtures("slow")
@pytest.mark.parametrize("streams", [2, 3])
async def test_one_item_goes_at_once_to_each_free_stream_and_no_further(streams: int) -> None:
    device = Device()
    async with batching(device.run, streams=streams) as batcher:
        tasks = await all_busy(batcher, device, streams)
        late = asyncio.create_task(batcher.submit(7, soon()))
        await waiting(batcher, 1)
        assert len(device.begun) == streams
        device.gate.set()
        assert [(await task).batch_size for task in (*tasks, late)] == [1] * (streams + 1)


@pytest.mark.usefixtures("slow")
async def test_what_comes_together_is_shared_out_between_streams() -> None:
    device = Device()
    async with batching(device.run, streams=2) as batcher:
        device.gate.clear()
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(6)]
        await begun(device, 2)
        assert sorted(map(len, device.begun)) == [2, 3], "half of six, half of the three that were left; one waits"
        assert len(batcher) == 1
        device.gate.set()
        assert [(await task).value for task in tasks] == [0, 2, 4, 6, 8, 10]


async def test_what_is_quick_stays_together_on_one_stream() -> None:
    device = Device()
    async with batching(device.run, streams=2) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(1, 6)]
        await waiting(batcher, 5)
        device.gate.set()
        await asyncio.gather(first, *tasks)
    assert device.batches == [[0], [1, 2, 3, 4, 5]]


async def test_what_is_quick_takes_no_stream_from_what_is_not_and_neither_waits() -> None:
    quick, hard = Device(), Device()
    executor = ThreadPoolExecutor(2)
    lane = Lane(executor, 2)
    async with batching(quick.run, lane) as a, batching(hard.run, lane) as b:
        first = await occupied(b, hard)
        assert [(await a.submit(n, soon())).value for n in (1, 2)] == [2, 4]
        assert not first.done()
        hard.gate.set()
        await first
    executor.shutdown()


@pytest.mark.usefixtures("slow")
async def test_batchers_that_share_several_streams_take_turns() -> None:
    order: list[str] = []
    device = Device()
    executor = ThreadPoolExecutor(2)
    lane = Lane(executor, 2)

    run_a, run_b = (recording(order, name, device) for name in "ab")
    async with batching(run_a, lane, max_batch=1) as a, batching(run_b, lane, max_batch=1) as b:
        first = await all_busy(a, device, 2)
        tasks = [asyncio.create_task(a.submit(n, soon())) for n in range(6)]
        await waiting(a, 6)
        tasks += [asyncio.create_task(b.submit(n, soon())) for n in range(3)]
        await waiting(b, 3)
        device.gate.set()
        await asyncio.gather(*first, *tasks)
    assert sorted(order) == ["a"] * 8 + ["b"] * 3
    assert set(order[2:4]) | set(order[4:6]) == {"a", "b"}, "who came later is not kept until the other has done"
    assert "b" not in order[8:], order
    executor.shutdown()


@pytest.mark.usefixtures("slow")
async def test_a_bad_item_on_one_stream_leaves_the_other_alone() -> None:
    device = Device()
    async with batching(device.run, streams=2) as batcher:
        first = await all_busy(batcher, device, 2)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in (1, 13, 2, 3)]
        await waiting(batcher, 4)
        device.gate.set()
        good, bad, *others = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(bad, ValueError)
        assert [done.value for done in (good, *others)] == [2, 4, 6]  # type: ignore[union-attr]
        assert [(await task).value for task in first] == [200, 202]


@pytest.mark.usefixtures("slow")
async def test_close_lets_every_stream_finish() -> None:
    device = Device()
    async with batching(device.run, streams=2) as batcher:
        running = await all_busy(batcher, device, 2)
        waits = asyncio.create_task(batcher.submit(1, soon()))
        await waiting(batcher, 1)
        closing = asyncio.create_task(batcher.close())
        with pytest.raises(Closed):
            await waits
        assert not closing.done()
        device.gate.set()
        await closing
        assert [(await task).value for task in running] == [200, 202]


@pytest.mark.usefixtures("slow")
async def test_late_and_cancelled_items_take_no_stream() -> None:
    device = Device()
    async with batching(device.run, streams=2, max_queue=2) as batcher:
        running = await all_busy(batcher, device, 2)
        gone = asyncio.create_task(batcher.submit(1, soon()))
        late = asyncio.create_task(batcher.submit(2, soon(0.02)))
        await waiting(batcher, 2)
        with pytest.raises(QueueFull):
            await batcher.submit(3, soon())
        gone.cancel()
        with pytest.raises(Late):
            await late
        assert len(batcher) == 0
        device.gate.set()
        await asyncio.gather(*running)
        assert (await batcher.submit(4, soon())).value == 8
    assert sorted(device.begun) == [[4], [100], [101]]
