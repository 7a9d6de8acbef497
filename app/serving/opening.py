"""The intake's queues: pictures wait here for the threads that open and prepare them."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar

from app.serving import pace, threads
from app.serving.answering import as_answers
from app.serving.batcher import Batcher
from app.serving.clock import Clock
from app.serving.intake import Intake, Preparation, Seen
from app.serving.lane import Lane
from app.serving.pool import Pool
from app.serving.threads import Threads
from app.settings import Settings
from app.uploads import Upload
from models.intake.pipeline import Page
from models.intake.steps import given

T = TypeVar("T")
Asked = tuple[bytes, str, Preparation]

AT_ONCE = 16  # tiny pictures that one thread sees together: some ten milliseconds, and 50 if all are noise of 32x32
PLACES = 2  # threads that one request has at most; there is one more, so that the next request need not wait for it


class Opening:
    """Sees and reads uploads on threads of its own; made and used within one event loop.

    A picture of the datasets' size takes less than a millisecond, much of it to begin and end each step, so those that
    wait are seen together, like a network's batch, on a thread of their own. Every other has a thread for itself, which
    may take seconds for the worst that is still a picture. `intake` may be exchanged at any time.
    """

    def __init__(self, intake: Intake, settings: Settings) -> None:
        self.intake = intake
        self._max_pixels = settings.max_pixels
        count = threads.opening(settings, PLACES + 1)
        self.pool = Pool(count, max(1, min(PLACES, count - 1)), "intake")
        self._tiny_thread = Threads(1, "tiny")
        self.tiny: Batcher[Asked, Seen | Exception] = Batcher(
            self._see_all, Lane(self._tiny_thread), max_batch=AT_ONCE, max_queue=None
        )

    def __len__(self) -> int:
        """How many pictures wait, or are at work on a thread of their own."""
        return len(self.pool) + len(self.tiny)

    def check_room(self, clock: Clock) -> None:
        """Raise ApiError where one more picture, even of the quicker kind, could not be opened in time."""
        with as_answers("the intake", clock):
            pace.check(len(self), None, self.wait_s(), clock.left_s())

    def wait_s(self) -> float:
        """Seconds after which a picture that came now would be open, if it is of the quicker kind."""
        return min(self.pool.wait_s(), self.tiny.wait_s())

    def busy_s(self) -> float:
        """For how many seconds a thread has been busy with the same; 0 where none is."""
        return max(self.pool.busy_s(), self.tiny.busy_s())

    def start(self) -> None:
        """Start a thread of each kind, so that there is one whatever comes. RuntimeError if that cannot be."""
        self.pool.start()
        self._tiny_thread.start()

    async def close(self) -> None:
        """Let what is at work end, refuse what waits, and stop every thread."""
        await self.tiny.close()
        self._tiny_thread.shutdown()
        await self.pool.close()

    async def see(self, upload: Upload, dataset: str, clock: Clock, preparation: Preparation) -> Seen:
        """An upload as a picture for `dataset`, or for what auto decides. Raises ApiError."""
        if not self.intake.is_tiny(upload.data):
            return await self._alone(self.intake.see, upload, clock, dataset, self._max_pixels, preparation)
        return given(await self._together((upload.data, dataset, preparation), clock))

    async def read(self, upload: Upload, clock: Clock) -> Page:
        """The digits on an upload. Raises ApiError."""
        return await self._alone(self.intake.read, upload, clock, self._max_pixels)

    def _see_all(self, asked: Sequence[Asked]) -> list[Seen | Exception]:
        return self.intake.see_all(asked, self._max_pixels)

    async def _together(self, asked: Asked, clock: Clock) -> Seen | Exception:
        """What is seen of a tiny upload. It is not held for a request that is given up: a batch is soon over."""
        with as_answers("the intake", clock):
            return (await self.tiny.submit(asked, clock.deadline, clock.party)).value

    async def _alone(self, work: Callable[..., T], upload: Upload, clock: Clock, *arguments: object) -> T:
        """What `work` gives of an upload on a thread of its own."""
        with as_answers("the intake", clock):
            return await self.pool.run(
                partial(work, upload.data, *arguments), clock.deadline, clock.party, upload.share
            )
