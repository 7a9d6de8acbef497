"""What a network is asked while nobody waits for it: many pictures for one request, in short batches.

A search that looks at thousands of pictures runs in the time that /predict and /compare leave. Its batches stand in
the lane's background line, and as nothing interrupts one that runs, each is as short as BRIEF_S, by measured pace, or
one picture. An item is a batch and not a picture: a ticket for each would cost the event loop more than LeNet takes.
"""

import asyncio
import math
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from app.serving.batcher import Batcher
from app.serving.breaker import Breaker
from app.serving.lane import BackgroundLine
from app.serving.pace import Pace
from app.serving.together import gather

BRIEF_S = 0.05  # as long as a request may find its network at other work; half of what is felt as a delay

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Looked:
    """What a network says of pictures: probabilities float32 [N, K]; the digest of the checkpoint that said so, and how
    much that weighs in a vote, None where that is not known (`models.vote`).
    """

    probabilities: NDArray[np.float32]
    digest: str
    weight: float | None = None


class Background:
    """The queue of one network for work that may wait; used within one event loop.

    `run(pictures, as_sent)` is called on the lane's threads. `breaker` is the one of the network's ordinary queue: what
    fails there is not tried here either, and the other way round. `observe` and `max_queue`: see Batcher.
    """

    def __init__(
        self,
        run: Callable[[Pictures, bool], Looked],
        lane: BackgroundLine,
        breaker: Breaker,
        *,
        max_batch: int,
        max_queue: int | None,
        observe: Callable[[int, float], None],
    ) -> None:
        def each(items: list[tuple[Pictures, bool]]) -> Sequence[Looked]:
            return [run(*item) for item in items]

        self.pace = Pace()
        self._lane = lane
        self._max_batch = max_batch
        self._room = 2 * lane.streams  # parts of one search that are under way at once, so that no stream waits for one
        if max_queue is not None:  # and yet it does not fill the queue: another finds room beside it
            self._room = max(1, min(self._room, max_queue // 2))
        self._observe = observe
        self._batcher = Batcher(each, lane, max_batch=1, max_queue=max_queue, breaker=breaker)

    async def look(self, pictures: Pictures, as_sent: bool, deadline: float, party: Hashable) -> Looked:
        """What the network says of pictures uint8 [N, 28, 28], N > 0. Raises what `Batcher.submit` does."""
        size = self._size(len(pictures))
        parts = [pictures[first : first + size] for first in range(0, len(pictures), size)]
        room = asyncio.Semaphore(self._room)

        async def ask(part: Pictures) -> Looked:
            async with room:
                return await self._part(part, as_sent, deadline, party)

        told = await gather([ask(part) for part in parts])
        return replace(told[-1], probabilities=np.concatenate([part.probabilities for part in told]))

    def looks_a_second(self) -> float:
        """How many pictures it sees in a second in which nobody else wants the network; infinity: not known yet."""
        return self._lane.streams / self.pace.item_s if self.pace.item_s else math.inf

    def busy_s(self) -> float:
        """For how many seconds the oldest batch that runs has been running; 0 where none does."""
        return self._batcher.busy_s()

    async def close(self) -> None:
        """Answer what waits with Closed, and let what runs finish."""
        await self._batcher.close()

    def _size(self, count: int) -> int:
        """Of how many pictures the batches of so many should be: brief, and a share for each stream."""
        brief = int(BRIEF_S / self.pace.item_s) if self.pace.item_s else 1
        return max(1, min(brief, self._max_batch, math.ceil(count / self._lane.streams)))

    async def _part(self, part: Pictures, as_sent: bool, deadline: float, party: Hashable) -> Looked:
        done = await self._batcher.submit((part, as_sent), deadline, party)
        self.pace.saw(len(part), done.ran_s)
        self._observe(len(part), done.ran_s)
        return done.value
