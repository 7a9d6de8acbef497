"""The intake's queues: pictures wait here for the threads that open and prepare them."""

import asyncio
import math
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TypeVar

from app.errors import ApiError
from app.serving.batcher import Batcher, Closed, Done, Late, QueueFull
from app.serving.clock import Clock
from app.serving.intake import Intake, Preparation, Seen
from app.serving.lane import Lane
from app.serving.together import copy, fail
from app.settings import Settings, cores
from app.uploads import Share, Upload
from models.intake.pipeline import Page
from models.intake.steps import given

Item = TypeVar("Item")
T = TypeVar("T")
Asked = tuple[bytes, str, Preparation]

AT_ONCE = 16  # tiny pictures that one thread sees together: some ten milliseconds, and 50 if all are noise of 32x32


class Opening:
    """Sees and reads uploads on threads of its own; made and used within one event loop.

    A picture of the datasets' size takes less than a millisecond, much of it to begin and end each step, so those that
    wait are seen together, like a network's batch, on a thread of their own. Every other has a thread for itself, which
    may take tenths of a second.
    """

    def __init__(self, intake: Intake, settings: Settings) -> None:
        self._intake = intake
        self._settings = settings
        self._closed = False
        self._in_hand = 0  # pictures that wait for a thread of their own, or have one
        self._pool = ThreadPoolExecutor(settings.intake_threads or min(4, max(2, cores())), "intake")
        self._tiny_thread = ThreadPoolExecutor(1, "tiny")
        self._tiny: Batcher[Asked, Seen | Exception] = Batcher(
            self._see_all, Lane(self._tiny_thread), max_batch=AT_ONCE, max_queue=settings.queue_size
        )

    def __len__(self) -> int:
        """How many pictures wait, or are at work on a thread of their own."""
        return self._in_hand + len(self._tiny)

    async def close(self) -> None:
        """Let what is at work end, refuse what waits, and stop every thread."""
        self._closed = True
        await self._tiny.close()
        for executor in (self._tiny_thread, self._pool):
            await asyncio.to_thread(executor.shutdown, wait=True, cancel_futures=True)

    async def see(self, upload: Upload, dataset: str, clock: Clock, preparation: Preparation) -> Seen:
        """An upload as a picture for `dataset`, or for what auto decides. Raises ApiError."""
        if not self._intake.is_tiny(upload.data):
            arguments = (upload.data, dataset, self._settings.max_pixels, preparation)
            return await self._alone(upload, clock, self._intake.see, *arguments)
        # Its few bytes are not held for a request that is given up: a batch is soon over.
        return given((await submit(self._tiny, (upload.data, dataset, preparation), clock, "the intake")).value)

    async def read(self, upload: Upload, clock: Clock) -> Page:
        """The digits on an upload. Raises ApiError."""
        return await self._alone(upload, clock, self._intake.read, upload.data, self._settings.max_pixels)

    def _see_all(self, asked: Sequence[Asked]) -> list[Seen | Exception]:
        return self._intake.see_all(asked, self._settings.max_pixels)

    async def _alone(self, upload: Upload, clock: Clock, work: Callable[..., T], *arguments: object) -> T:
        """What `work` gives of an upload on a thread, before the deadline. Raises ApiError."""
        if self._closed:
            raise closing()
        if self._in_hand >= self._settings.queue_size:
            raise ApiError("queue_full", f"{self._in_hand} pictures wait to be opened already", retry_after=1)
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()
        future = self._pool.submit(work, *arguments)
        self._in_hand += 1
        upload.share.hold()
        # At the deadline, or when its client goes away, a picture that waits for a thread is dropped. One that has a
        # thread keeps it, its place and its memory until that is done.
        done = partial(self._done, upload.share, answer)
        future.add_done_callback(partial(loop.call_soon_threadsafe, done))
        timer = loop.call_at(clock.deadline, fail, answer, late(clock))
        try:
            return await answer
        finally:
            timer.cancel()
            future.cancel()
            del answer, future, done  # see given()

    def _done(self, share: Share, answer: asyncio.Future[T], future: Future[T]) -> None:
        """A thread has done its work on an upload, or was never asked to."""
        self._in_hand -= 1
        share.release()
        if future.cancelled():
            fail(answer, closing())
        else:
            copy(future, answer)


async def submit(batcher: Batcher[Item, T], item: Item, clock: Clock, who: str) -> Done[T]:
    """What a batcher gives for an item, its refusals as answers. Raises ApiError."""
    try:
        return await batcher.submit(item, clock.deadline)
    except QueueFull as error:
        wait = max(1, math.ceil(error.retry_after))
        raise ApiError("queue_full", f"{error} for {who}; try again in {wait} s", retry_after=wait) from None
    except Late:
        raise late(clock) from None
    except Closed:
        raise closing() from None


def closing() -> ApiError:
    """The answer where there will be none."""
    return ApiError("not_ready", "the service is shutting down", retry_after=5)


def late(clock: Clock) -> ApiError:
    """The answer where there is none in time."""
    return ApiError("deadline_exceeded", f"there was no answer within {clock.limit_s:g} s")
