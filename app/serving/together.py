"""Work of several at once: all results or the first error, or an error in its place."""

import asyncio
import logging
from collections.abc import Awaitable, Coroutine, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from app.errors import ApiError

log = logging.getLogger(__name__)
FAILED = "this answer failed inside the service"
T = TypeVar("T")


async def gather(work: Sequence[Coroutine[Any, Any, T]]) -> list[T]:
    """All results, in order; the first error ends the others."""
    tasks = [asyncio.create_task(one) for one in work]
    try:
        return await asyncio.gather(*tasks)
    finally:
        while tasks:  # none is kept: the error remembers this frame, and would stay with its upload until gc comes by
            tasks.pop().cancel()


async def settle(work: Awaitable[T]) -> T | ApiError:
    """The answer, or the error in its place, so that one failure stays one."""
    try:
        return await work
    except ApiError as error:
        return error
    except Exception:
        log.exception("an answer failed")
        return ApiError("internal", FAILED)


def copy(done: Future[T], waited_for: asyncio.Future[T]) -> None:
    """What a thread gave or raised, to whoever waits for it in the event loop, if anybody still does."""
    if error := done.exception():
        fail(waited_for, error)
    elif not waited_for.done():
        waited_for.set_result(done.result())


def fail(waited_for: asyncio.Future[Any], error: BaseException) -> None:
    """Let who waits get an error, if anybody still does."""
    if not waited_for.done():
        waited_for.set_exception(error)
