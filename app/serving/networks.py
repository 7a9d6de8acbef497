"""The networks' queues: each network has one for each dataset, and waits in its lane for a thread."""

import asyncio
import math
from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import numpy as np
from numpy.typing import NDArray

from app.errors import ApiError
from app.serving.answering import as_answers, queue_full
from app.serving.backends import Chances
from app.serving.background import Background, Looked
from app.serving.batcher import Batcher
from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.lane import Lane
from app.serving.metrics import Checkpoint, Metrics
from app.serving.pace import QueueFull
from app.serving.parts import Item
from app.serving.state import State, problem
from app.serving.threads import Threads
from app.serving.tickets import Done
from app.serving.turns import Turns
from app.settings import Settings


class Networks:
    """The queues before an engine's networks; used within one event loop. `engine` may be exchanged at any time: what
    runs goes on with the old one.
    """

    def __init__(self, engine: Engine, settings: Settings, metrics: Metrics) -> None:
        self.engine = engine
        self._settings = settings
        self._metrics = metrics
        self._threads: dict[str, Threads] = {}
        self._lanes: dict[str, Lane] = {}
        self._batchers: dict[tuple[str, str], Batcher[Item, Chances]] = {}
        self._background: dict[tuple[str, str], Background] = {}
        # Pictures of the intake, by the network that will get them: nothing but whose they are.
        self._expected: defaultdict[str, Turns[None]] = defaultdict(Turns)
        for dataset, model in self.engine.states():
            batcher = self._batchers[dataset, model] = self._batcher(dataset, model)
            self._background[dataset, model] = self._behind(batcher, dataset, model)
            self._metrics.watch(self._metrics.queue.labels(model, dataset), batcher.__len__)
            self._metrics.watch(self._metrics.breaker.labels(model, dataset), batcher.breaker.is_open)

    def start(self) -> None:
        """Start a thread for each lane, so that there is one whatever comes. RuntimeError if that cannot be."""
        for pool in self._threads.values():
            pool.start()

    async def close(self) -> None:
        """Answer what waits and stop every thread."""
        await asyncio.gather(*(queue.close() for queue in self._queues()))
        for lane in self._lanes.values():
            lane.executor.shutdown(wait=True, cancel_futures=True)

    def exchange(self, engine: Engine) -> None:
        """Let another engine answer from now on, one for the same networks; what had failed is tried again."""
        self.engine = engine
        for batcher in self._batchers.values():
            batcher.breaker.succeeded()

    def learn(self) -> None:
        """Take the engine's first measures for how long a picture takes, where there are none of requests yet."""
        for key, seconds in self.engine.seconds().items():
            for pace in (self._batchers[key].pace, self._background[key].pace):
                if not pace.item_s:
                    pace.saw(1, seconds)

    def states(self) -> Mapping[tuple[str, str], State]:
        """The state of every (dataset, network); one that fails again and again is paused until it is tried again."""
        states = self.engine.states()
        for key, batcher in self._batchers.items():
            if pause_s := batcher.breaker.wait_s():
                told = f"it failed several times in a row; it is tried again in {math.ceil(pause_s)} s"
                states[key] = State("failed", told)
        return states

    def problem(self, dataset: str, model: str) -> ApiError | None:
        """Why a network cannot answer for a dataset, if it cannot."""
        pause_s = math.ceil(self._batchers[dataset, model].breaker.wait_s()) or None
        return problem(dataset, model, self.states()[dataset, model], pause_s)

    def busy_s(self) -> float:
        """For how many seconds a forward pass has been running; 0 where none is."""
        return max((queue.busy_s() for queue in self._queues()), default=0.0)

    def check_room(self, datasets: Iterable[str], models: Sequence[str], deadline: float, party: Hashable) -> None:
        """Raise ApiError where none of the networks could answer one more picture of `party` by `deadline`, by the
        event loop's clock, because of those that wait.
        """
        refusal = None
        for dataset in datasets:
            for model in models:
                try:
                    self._batchers[dataset, model].check(deadline, party, self._expected[model].ahead(party))
                    return
                except QueueFull as error:
                    refusal = queue_full(model, error)
        if refusal:
            raise refusal.again()

    @contextmanager
    def expecting(self, models: Sequence[str], party: Hashable) -> Iterator[None]:
        """Meanwhile a picture of `party` is on its way to these networks."""
        for model in models:
            self._expected[model].append(party, None)
        try:
            yield
        finally:
            for model in models:
                self._expected[model].remove(party, None)

    async def submit(self, dataset: str, model: str, item: Item, clock: Clock) -> Done[Chances]:
        """What a network says of a picture. Raises ApiError."""
        if problem := self.problem(dataset, model):
            raise problem.again()
        with as_answers(model, clock):
            done = await self._batchers[dataset, model].submit(item, clock.deadline, clock.party)
        self._metrics.waited(model, done.queued_s)
        return done

    async def look(self, dataset: str, model: str, pictures: NDArray[np.uint8], as_sent: bool, clock: Clock) -> Looked:
        """What a network says of pictures uint8 [N, 28, 28], once and while it has nothing else to do: requests that
        `submit` goes first. `as_sent`: whether they were not of the dataset's own kind as they were sent. Raises
        ApiError.
        """
        if problem := self.problem(dataset, model):
            raise problem.again()
        with as_answers(model, clock):
            return await self._background[dataset, model].look(pictures, as_sent, clock.deadline, clock.party)

    def looks_a_second(self, dataset: str, model: str) -> float:
        """How many pictures of `look` a network has lately seen in a second in which nobody else asked it."""
        return self._background[dataset, model].looks_a_second()

    def checkpoints(self) -> Iterator[Checkpoint]:
        """Those that are loaded, as the metrics tell them."""
        for name in self.engine.names:
            for dataset, told in self.engine.describe(name)["checkpoints"].items():
                if told["digest"] is not None:
                    yield name, dataset, told["digest"], told["form"]

    def _queues(self) -> Iterator[Batcher[Item, Chances] | Background]:
        yield from self._batchers.values()
        yield from self._background.values()

    def _batcher(self, dataset: str, model: str) -> Batcher[Item, Chances]:
        def run(items: list[Item]) -> Sequence[Chances]:
            pictures, as_sent = zip(*items, strict=True)
            looked = self._answer(dataset, model, np.stack(pictures), np.array(as_sent))
            return [Chances(row, looked.digest, looked.weight) for row in looked.probabilities]

        lane = self.engine.lane(model)
        if lane not in self._lanes:
            streams = self.engine.streams
            self._threads[lane] = Threads(streams, lane)
            self._lanes[lane] = Lane(self._threads[lane], streams)
        return Batcher(
            run,
            self._lanes[lane],
            max_batch=self.engine.max_batch(model),
            max_queue=self._settings.queue_size,
            observe=self._metrics.watch_batches(model),
        )

    def _behind(self, batcher: Batcher[Item, Chances], dataset: str, model: str) -> Background:
        def run(pictures: NDArray[np.uint8], as_sent: bool) -> Looked:
            return self._answer(dataset, model, pictures, np.full(len(pictures), as_sent))

        return Background(
            run,
            self._lanes[self.engine.lane(model)].background,
            batcher.breaker,
            max_batch=self.engine.max_batch(model),
            max_queue=self._settings.queue_size,
            observe=self._metrics.watch_batches(model),
        )

    def _answer(self, dataset: str, model: str, pictures: NDArray[np.uint8], as_sent: NDArray[np.bool_]) -> Looked:
        engine = self.engine
        rows = engine.predict(dataset, model, pictures, as_sent)
        return Looked(rows, engine.digest(dataset, model), engine.weight(dataset, model))
