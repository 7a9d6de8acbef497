"""Work for a client that may go away."""

import asyncio
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request

from app.web.incoming import unless_gone

pytestmark = pytest.mark.anyio


class Client:
    """Says nothing until it goes away, or until its connection breaks with an error."""

    def __init__(self) -> None:
        self.leaves: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self.request = Request({"type": "http", "headers": []}, self._receive)

    async def _receive(self) -> dict[str, Any]:
        return await self.leaves


class Work:
    """Goes on until it is told what to give, and remembers whether it was broken off."""

    def __init__(self) -> None:
        self.gives: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.broken_off = False

    async def run(self) -> int:
        try:
            return await self.gives
        except asyncio.CancelledError:
            self.broken_off = True
            raise


async def started(client: Client, work: Work) -> asyncio.Task[int]:
    task = asyncio.create_task(unless_gone(client.request, work.run()))
    await asyncio.sleep(0.01)
    return task


async def test_who_stays_gets_what_the_work_gives() -> None:
    client, work = Client(), Work()
    task = await started(client, work)
    work.gives.set_result(7)
    assert await task == 7
    client.leaves.cancel()


async def test_who_stays_gets_the_works_own_error() -> None:
    client, work = Client(), Work()
    task = await started(client, work)
    work.gives.set_exception(ValueError("its own"))
    with pytest.raises(ValueError, match="its own"):
        await task


@pytest.mark.parametrize("broken", [False, True])
async def test_for_who_goes_away_nothing_goes_on(broken: bool) -> None:
    client, work = Client(), Work()
    task = await started(client, work)
    if broken:
        client.leaves.set_exception(ConnectionError("reset"))
    else:
        client.leaves.set_result({"type": "http.disconnect"})
    with pytest.raises(ClientDisconnect):
        await task
    assert work.broken_off
    assert not task.cancelled()


async def test_whoever_else_ends_the_request_is_obeyed() -> None:
    client, work = Client(), Work()
    task = await started(client, work)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert work.broken_off


async def test_who_goes_away_in_the_moment_of_the_answer_ends_nothing_that_comes_after() -> None:
    client, work = Client(), Work()

    async def request() -> int:
        try:
            given = await unless_gone(client.request, work.run())
        except ClientDisconnect:
            given = -1
        await asyncio.sleep(0.01)  # the answer is sent
        return given

    task = asyncio.create_task(request())
    await asyncio.sleep(0.01)
    work.gives.set_result(7)
    client.leaves.set_result({"type": "http.disconnect"})
    assert await task in (7, -1)


async def test_an_error_in_the_moment_of_going_away_is_the_works_and_ends_nothing_else() -> None:
    client = Client()

    async def fails() -> int:
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            raise ValueError("its own") from None
        return 7

    async def request() -> int:
        with pytest.raises(ValueError, match="its own"):
            await unless_gone(client.request, fails())
        task = asyncio.current_task()
        assert task is not None
        return task.cancelling()

    asked = asyncio.create_task(request())
    await asyncio.sleep(0.01)
    client.leaves.set_result({"type": "http.disconnect"})
    assert await asked == 0
