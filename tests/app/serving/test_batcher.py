"""The batcher alone: no web, no torch. A gate stands for a device that is busy."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from app.serving.batcher import Batcher, WrongLength
from app.serving.lane import Lane
from app.serving.pace import QueueFull
from app.serving.tickets import Closed, Late

pytestmark = pytest.mark.anyio


class Device:
    """Doubles numbers while its gate is open, and remembers the batches that it began and those that it ran."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.busy = threading.Event()
        self.begun: list[list[int]] = []
        self.batches: list[list[int]] = []

    def run(self, items: list[int]) -> list[int]:
        self.begun.append(list(items))
        self.busy.set()
        assert self.gate.wait(30)
        self.batches.append(list(items))
        if 13 in items:
            raise ValueError("unlucky")
        return [2 * item for item in items]


@asynccontextmanager
async def batching(
    run: Callable[[list[int]], Sequence[int]], lane: Lane | None = None, *, streams: int = 1, **options: Any
) -> AsyncIterator[Batcher[int, int]]:
    executor = ThreadPoolExecutor(streams)
    batcher = Batcher(run, lane or Lane(executor, streams), **{"max_batch": 8, "max_queue": 100, **options})
    try:
        yield batcher
    finally:
        if isinstance(device := getattr(run, "__self__", None), Device):
            device.gate.set()  # where a test fails, it fails at once
        await batcher.close()
        executor.shutdown()


def soon(seconds: float = 30) -> float:
    return asyncio.get_running_loop().time() + seconds


async def waiting(batcher: Batcher[int, int], count: int) -> None:
    while len(batcher) != count:
        await asyncio.sleep(0)


def recording(order: list[str], name: str, device: Device) -> Callable[[list[int]], list[int]]:
    """The device's work, each batch of it told in ``order`` by this name."""

    def run(items: list[int]) -> list[int]:
        order.append(name)
        return device.run(items)

    return run


async def occupied(batcher: Batcher[int, int], device: Device) -> asyncio.Task[Any]:
    """Close the gate behind one request, so that the next ones have to wait."""
    device.gate.clear()
    device.busy.clear()
    task = asyncio.create_task(batcher.submit(0, soon()))
    await asyncio.to_thread(device.busy.wait, 30)
    return task


async def test_one_item_alone() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        done = await batcher.submit(21, soon())
    assert (done.value, done.batch_size) == (42, 1)
    assert done.queued_s >= 0
    assert done.ran_s >= 0
    assert device.batches == [[21]]


async def test_what_waits_while_the_device_is_busy_runs_as_one_batch_in_order() -> None:
    device = Device()
    async with batching(device.run, max_batch=4) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(1, 7)]
        await waiting(batcher, 6)
        device.gate.set()
        results = await asyncio.gather(first, *tasks)
    assert [done.value for done in results] == [0, 2, 4, 6, 8, 10, 12]
    assert device.batches == [[0], [1, 2, 3, 4], [5, 6]]
    assert [done.batch_size for done in results] == [1, 4, 4, 4, 4, 2, 2]


async def test_a_bad_item_costs_its_neighbours_nothing_and_the_loop_lives_on() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in (1, 13, 2)]
        await waiting(batcher, 3)
        device.gate.set()
        good, bad, also_good = await asyncio.gather(*tasks, return_exceptions=True)
        assert (await first).value == 0
        assert (good.value, also_good.value) == (2, 4)  # type: ignore[union-attr]
        assert isinstance(bad, ValueError)
        assert (await batcher.submit(5, soon())).value == 10


@pytest.mark.parametrize("error", [StopIteration, SystemExit, KeyboardInterrupt, MemoryError, TimeoutError])
async def test_no_exception_ends_the_loop(error: type[BaseException]) -> None:
    raised: list[bool] = []

    def run(items: list[int]) -> list[int]:
        if not raised:
            raised.append(True)
            raise error("once")
        return items

    async with batching(run) as batcher:
        with pytest.raises((RuntimeError, MemoryError, TimeoutError)):
            await batcher.submit(1, soon())
        assert (await batcher.submit(2, soon())).value == 2


@pytest.mark.parametrize("output", [[], [1, 2]])
async def test_an_output_of_the_wrong_length_is_an_error(output: list[int]) -> None:
    async with batching(lambda items: output) as batcher:
        with pytest.raises(WrongLength, match=f"{len(output)} results for 1 items"):
            await batcher.submit(1, soon())


async def test_a_full_queue_refuses_at_once_and_has_room_again_later() -> None:
    device = Device()
    async with batching(device.run, max_queue=2) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in (1, 2)]
        await waiting(batcher, 2)
        with pytest.raises(QueueFull, match="2 pictures are waiting"):
            await batcher.submit(3, soon())
        device.gate.set()
        await asyncio.gather(first, *tasks)
        assert (await batcher.submit(3, soon())).value == 6


async def test_a_late_item_is_answered_at_its_deadline_and_never_computed() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        first = await occupied(batcher, device)
        with pytest.raises(Late):
            await batcher.submit(7, soon(0.02))
        with pytest.raises(Late):
            await batcher.submit(8, soon(-1))
        assert len(batcher) == 0
        device.gate.set()
        await first
        await batcher.submit(9, soon())
    assert device.batches == [[0], [9]]


async def test_the_deadline_holds_for_an_item_that_is_being_computed() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        device.gate.clear()
        with pytest.raises(Late):
            await batcher.submit(7, soon(0.02))
        device.gate.set()
        assert (await batcher.submit(9, soon())).value == 18


async def test_a_cancelled_request_leaves_the_queue() -> None:
    device = Device()
    async with batching(device.run, max_queue=1) as batcher:
        first = await occupied(batcher, device)
        gone = asyncio.create_task(batcher.submit(1, soon()))
        await waiting(batcher, 1)
        gone.cancel()
        with suppress(asyncio.CancelledError):
            await gone
        there = asyncio.create_task(batcher.submit(2, soon()))  # its room is free again
        await waiting(batcher, 1)
        device.gate.set()
        await asyncio.gather(first, there)
    assert device.batches == [[0], [2]]


async def test_close_answers_what_waits_and_lets_the_running_batch_finish() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        first = await occupied(batcher, device)
        waits = asyncio.create_task(batcher.submit(1, soon()))
        await waiting(batcher, 1)
        closing = asyncio.create_task(batcher.close())
        with pytest.raises(Closed):
            await waits
        device.gate.set()
        await closing
        assert (await first).value == 0
        with pytest.raises(Closed):
            await batcher.submit(2, soon())


async def test_batchers_that_share_a_lane_take_turns() -> None:
    order: list[str] = []
    device = Device()
    lane = Lane(ThreadPoolExecutor(1))

    run_a, run_b = (recording(order, name, device) for name in "ab")
    async with batching(run_a, lane, max_batch=1) as a, batching(run_b, lane, max_batch=1) as b:
        first = await occupied(a, device)
        tasks = [asyncio.create_task(a.submit(n, soon())) for n in range(3)]
        tasks += [asyncio.create_task(b.submit(n, soon())) for n in range(3)]
        await waiting(b, 3)
        device.gate.set()
        await asyncio.gather(first, *tasks)
    assert order == ["a", "b", "a", "b", "a", "b", "a"]
    lane.executor.shutdown()


async def test_observe_is_told_of_each_batch() -> None:
    seen: list[tuple[int, bool]] = []
    async with batching(Device().run, observe=lambda size, took: seen.append((size, took >= 0))) as batcher:
        await batcher.submit(1, soon())
    assert seen == [(1, True)]


async def test_an_observer_that_fails_costs_no_answer_and_no_stream() -> None:
    told: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))

    def observe(size: int, seconds: float) -> None:
        raise RuntimeError("no room for figures")

    async with batching(Device().run, observe=observe) as batcher:
        assert [(await batcher.submit(n, soon())).value for n in (1, 2)] == [2, 4]
    assert len(told) == 2


async def test_without_a_thread_every_item_is_answered_all_the_same() -> None:
    device, executor = Device(), ThreadPoolExecutor(1)
    executor.shutdown()
    async with batching(device.run, Lane(executor)) as batcher:
        tasks = [batcher.submit(n, soon()) for n in range(3)]
        answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers] == [RuntimeError] * 3
    assert not device.begun
