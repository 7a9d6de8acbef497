"""The search for the fewest dabs that flip an answer, driven through the background queues of networks."""

import asyncio
import time
from collections.abc import AsyncGenerator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ApiError
from app.flips import DabOfInk, Flip, FlipHead, FlipStep
from app.serving import assemble
from app.serving.background import Looked
from app.serving.clock import Clock
from app.serving.parts import Answers
from app.serving.together import settle
from models.datasets import DATASETS
from models.flip.brush import brush, dab
from models.flip.search import Look, Search, State, search
from models.intake.pipeline import Seen

ANSWER_SHARE, ANSWER_S = 0.1, 0.3  # of a request's time, and seconds at most, that are kept for telling the best found
QUICKER = 20  # times less work than the network's own is little enough to let another guide its search
OVER = 0.1  # of a request's time: where less is left, what a queue refuses is refused for want of time
KNOWN = 10**6  # pictures that there is time for, while no pace is known


class Flipping:
    """One search: `begin`, then `lines`. `to` is the index of the class that is wanted."""

    def __init__(self, networks: Answers, model: str, seen: Seen, to: int, clock: Clock) -> None:
        self.passes = 0
        self.digest = ""
        self._networks, self._model, self._seen, self._to, self._clock = networks, model, seen, to, clock
        self._classes = DATASETS[seen.dataset].classes
        kept_s = min(ANSWER_S, ANSWER_SHARE * clock.limit_s)
        self._until = Clock(clock.start, clock.deadline - kept_s, clock.limit_s)
        self._ends = time.perf_counter() + self._until.left_s()
        self._guide = self._quickest()
        self._search: Search = search(seen.picture, to, self._left, guided=self._guide is not None)
        self._best: State | None = None

    async def begin(self) -> FlipHead:
        """What the network says of the picture as it is. Raises ApiError."""
        best = await self._settled()
        assert isinstance(best, State)
        self._best = best
        given, index = best.row, int(best.row.argmax())
        ranked = {score.index: score for score in assemble.scores(given, self._classes)}
        return FlipHead(
            model=self._model,
            dataset=self._seen.dataset,
            label=self._classes[index],
            index=index,
            confidence=ranked[index].probability,
            to=ranked[self._to],
            picture=assemble.base64_png(best.picture),
            brush=brush().tolist(),
        )

    async def lines(self) -> AsyncGenerator[FlipStep | Flip]:
        """A FlipStep each time the search settles on another dab, and last the Flip. When the client goes away this is
        cancelled, and with it what still waits.
        """
        while isinstance(outcome := await settle(self._settled()), State):
            self._best = outcome
            yield FlipStep(**self._told(outcome), passes=self.passes)
        yield self._end(outcome)

    async def _settled(self) -> State | bool:
        """What the search settles on next, or how it ended."""
        told: NDArray[np.float32] | None = None
        while isinstance(asked := await asyncio.to_thread(_advance, self._search, told), Look):
            told = await self._guided(asked) if asked.guide else (await self._look(self._model, asked)).probabilities
        return asked

    async def _look(self, model: str, asked: Look) -> Looked:
        as_sent = not self._seen.as_it_was
        looked = await self._networks.look(self._seen.dataset, model, asked.pictures, as_sent, self._until)
        if model == self._model:
            self.passes += len(asked.pictures)
            self.digest = looked.digest
        return looked

    async def _guided(self, asked: Look) -> NDArray[np.float32]:
        """What the guide says; where it cannot, all classes alike: from this the search learns nothing, and goes on."""
        assert self._guide is not None
        told = await settle(self._look(self._guide, asked))
        if isinstance(told, ApiError):
            return np.full((len(asked.pictures), len(self._classes)), 0.1, np.float32)
        return told.probabilities

    def _quickest(self) -> str | None:
        """A network that is so much quicker than the one that is asked that its advice costs nothing, if there is."""
        engine, dataset = self._networks.engine, self._seen.dataset
        cheap = [name for name in engine.names if engine.cost(name) * QUICKER <= engine.cost(self._model)]
        ready = [name for name in cheap if self._networks.problem(dataset, name) is None]
        return min(ready, key=engine.cost, default=None)

    def _left(self) -> int:
        """How many pictures the network may still look at."""
        rate = self._networks.looks_a_second(self._seen.dataset, self._model)
        return int(min(KNOWN, max(0.0, self._ends - time.perf_counter()) * rate))

    def _told(self, state: State) -> dict[str, Any]:
        index = int(state.row.argmax())
        return {
            "dabs": [DabOfInk(**dab(number)._asdict()) for number in state.dabs],
            "label": self._classes[index],
            "index": index,
            "confidence": round(float(state.row[index]), assemble.DIGITS),
            "probability_to": round(float(state.row[self._to]), assemble.DIGITS),
        }

    def _end(self, outcome: bool | ApiError) -> Flip:
        best = self._best
        assert best is not None
        return Flip(
            **self._told(best),
            flipped=best.flipped,
            count=len(best.dabs),
            picture=assemble.base64_png(best.picture),
            passes=self.passes,
            reason=None if best.flipped else _reason(outcome, self._until),
            timing_ms=assemble.intake_timing(self._seen, self._clock.total_ms()),
        )


def _advance(searched: Search, told: NDArray[np.float32] | None) -> Look | State | bool:
    """The search's next wish or state, or how it ended; called on a thread, where pictures are painted."""
    try:
        return searched.send(told)
    except StopIteration as ended:
        return bool(ended.value)


def _reason(outcome: bool | ApiError, clock: Clock) -> str:
    if isinstance(outcome, bool):
        return "no dab helps any more"
    refused = outcome.code == "queue_full" and clock.left_s() <= OVER * clock.limit_s
    if refused or outcome.code == "deadline_exceeded":
        return f"the {clock.limit_s:g} s that a request has were over"
    return outcome.message
