"""What is refused at once since it could not be answered in time, what takes turns, and what is no longer tried."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from app.serving.breaker import FAILURES
from app.serving.lane import Lane
from app.serving.pace import QueueFull
from app.serving.tickets import Broken
from tests.app.serving.test_batcher import Device, batching, occupied, recording, soon, waiting
from tests.app.serving.test_streams import slow as slow

pytestmark = pytest.mark.anyio


async def test_a_lone_request_waits_for_one_item_of_a_batch_and_not_for_all() -> None:
    device = Device()
    async with batching(device.run, max_batch=1) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon(), "batch")) for n in range(1, 7)]
        await waiting(batcher, 6)
        tasks.append(asyncio.create_task(batcher.submit(99, soon())))
        await waiting(batcher, 7)
        device.gate.set()
        await asyncio.gather(first, *tasks)
    assert device.batches[:3] == [[0], [1], [99]]


async def test_what_could_not_be_answered_in_time_is_refused_at_once_with_the_time_after_which_it_could() -> None:
    device = Device()
    async with batching(device.run, max_batch=1) as batcher:
        first = await occupied(batcher, device)
        batcher.pace.item_s = 1.0
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(1, 5)]
        await waiting(batcher, 4)
        with pytest.raises(QueueFull, match=r"about 5 s, longer than the 2\.5 s that are left") as refused:
            await batcher.submit(5, soon(2.5))
        assert refused.value.retry_after == 3  # then two are left, and this would be the third
        tasks.append(asyncio.create_task(batcher.submit(6, soon(9))))
        await waiting(batcher, 5)
        device.gate.set()
        await asyncio.gather(first, *tasks)
    assert [5] not in device.batches


async def test_a_lone_request_is_tried_however_slow_it_was_the_last_time() -> None:
    async with batching(Device().run) as batcher:
        batcher.pace.item_s = 100.0
        assert (await batcher.submit(1, soon(5))).value == 2


@pytest.mark.usefixtures("slow")
async def test_the_estimate_counts_who_shares_the_lane_by_turns() -> None:
    device = Device()
    lane = Lane(ThreadPoolExecutor(1))
    async with batching(device.run, lane, max_batch=2) as a, batching(device.run, lane, max_batch=2) as b:
        first = await occupied(a, device)
        a.pace.item_s, b.pace.item_s = 0.25, 2.0
        tasks = [asyncio.create_task(a.submit(n, soon())) for n in range(3)]
        tasks += [asyncio.create_task(b.submit(n, soon())) for n in range(3)]
        await waiting(b, 3)
        assert a.wait_s() == 4 * 0.25 + 3 * 2  # two turns of its own, meanwhile all of the other
        assert b.wait_s() == 4 * 2 + 3 * 0.25
        assert a.wait_s(more=2) == 6 * 0.25 + 3 * 2
        device.gate.set()
        await asyncio.gather(first, *tasks)
    lane.executor.shutdown()


async def test_what_is_measured_follows_the_device() -> None:
    async with batching(Device().run) as batcher:
        batcher.pace.item_s = 100.0
        for _ in range(30):
            await batcher.submit(1, soon())
        assert 0 < batcher.pace.item_s < 1


class Failing(Device):
    """A device that fails on everything until it is mended."""

    mended = False

    def run(self, items: list[int]) -> list[int]:
        super().run(items)
        if not self.mended:
            raise RuntimeError("broken")
        return items


async def test_what_fails_on_everything_holds_its_lane_for_some_passes_and_not_for_each_item() -> None:
    device = Failing()
    async with batching(device.run, max_batch=64) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(1, 41)]
        await waiting(batcher, 40)
        device.gate.set()
        outcomes = await asyncio.gather(first, *tasks, return_exceptions=True)
        assert {type(outcome) for outcome in outcomes} == {RuntimeError, Broken}
        assert len(device.batches) == FAILURES
        with pytest.raises(Broken) as refused:
            await batcher.submit(7, soon())
        assert refused.value.retry_after > 0
        assert len(device.batches) == FAILURES


async def test_what_was_broken_is_tried_again_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.serving.breaker.FIRST_S", 0.0)
    device = Failing()
    async with batching(device.run) as batcher:
        for n in range(FAILURES):
            with pytest.raises(RuntimeError):
                await batcher.submit(n, soon())
        batcher.breaker._pause_s = batcher.breaker._next_trial = 0.0
        device.mended = True
        assert (await batcher.submit(5, soon())).value == 5
        assert not batcher.breaker.is_open()


async def test_a_batch_that_has_no_memory_is_halved_and_so_are_those_after_it() -> None:
    class Small(Device):
        def run(self, items: list[int]) -> list[int]:
            doubled = super().run(items)
            if len(items) > 2:
                raise MemoryError
            return doubled

    device = Small()
    async with batching(device.run, max_batch=8) as batcher:
        for _ in range(2):
            first = await occupied(batcher, device)
            tasks = [asyncio.create_task(batcher.submit(n, soon())) for n in range(1, 9)]
            await waiting(batcher, 8)
            device.gate.set()
            assert [(await task).value for task in (first, *tasks)] == [2 * n for n in range(9)]
    assert [len(batch) for batch in device.batches] == [1, 8, 4, 2, 2, 4, 2, 2, 1, 2, 2, 2, 2]


async def test_what_turns_out_to_have_no_chance_is_refused_before_its_deadline() -> None:
    device = Device()
    async with batching(device.run, max_batch=1) as batcher:
        first = await occupied(batcher, device)
        tasks = [asyncio.create_task(batcher.submit(n, soon(20))) for n in range(1, 9)]
        await waiting(batcher, 8)
        batcher.pace.item_s = 10.0  # the device is slower than it was when they came
        device.gate.set()
        outcomes = await asyncio.gather(first, *tasks, return_exceptions=True)
    refused = [outcome for outcome in outcomes if isinstance(outcome, QueueFull)]
    assert 5 <= len(refused) <= 7  # all but those in its first seconds, which come down as it proves quick
    assert all(outcome in refused for outcome in outcomes[-5:])


async def test_how_long_a_batch_has_been_running_is_known() -> None:
    device = Device()
    async with batching(device.run) as batcher:
        assert batcher.busy_s() == 0
        first = await occupied(batcher, device)
        before = batcher.busy_s()
        assert 0 < before < batcher.busy_s()
        device.gate.set()
        await first
        assert batcher.busy_s() == 0


async def test_turns_hold_between_requests_and_lanes_alike() -> None:
    order: list[str] = []
    device = Device()
    lane: Any = Lane(ThreadPoolExecutor(1))
    run_a, run_b = (recording(order, name, device) for name in "ab")
    async with batching(run_a, lane, max_batch=1) as a, batching(run_b, lane, max_batch=1) as b:
        first = await occupied(a, device)
        tasks = [asyncio.create_task(a.submit(n, soon(), "batch")) for n in range(5)]
        await waiting(a, 5)
        tasks += [asyncio.create_task(batcher.submit(n, soon(), "lone")) for n, batcher in ((8, a), (9, b))]
        await waiting(b, 1)
        device.gate.set()
        await asyncio.gather(first, *tasks)
    assert order[:4] == ["a", "b", "a", "a"]
    assert device.batches[:4] == [[0], [9], [0], [8]]
    lane.executor.shutdown()
