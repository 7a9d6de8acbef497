"""From an upload to answers: intake on a few threads, each network behind its batcher, one deadline over all."""

import asyncio
import logging
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from app.errors import ApiError
from app.readings import Reading
from app.serving import assemble
from app.serving.assemble import Answered, Outcome
from app.serving.batcher import Batcher, Done
from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.intake import Intake, Preparation
from app.serving.lane import Lane
from app.serving.metrics import Checkpoint, Metrics
from app.serving.opening import Opening, submit
from app.serving.state import State
from app.serving.together import gather, settle
from app.settings import Settings
from app.uploads import Memory, Upload
from models.intake.pipeline import Seen
from models.intake.read import Found

log = logging.getLogger(__name__)

T = TypeVar("T")

Item = tuple[NDArray[np.uint8], bool]  # a picture, and whether it was not of the dataset's own kind as it was sent
Row = NDArray[np.float32]


class Service:
    """Everything behind the routes; `start` and `close` belong to the application's lifespan.

    `engine` and `intake` are its own, or a test's; `loaded` is called on the loading thread once loading has ended.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None = None,
        intake: Intake | None = None,
        *,
        loaded: Callable[[], None] = lambda: None,
    ) -> None:
        self.settings = settings
        self.engine = engine or Engine(settings)
        self.intake = intake or Intake()
        self.metrics = Metrics()
        self.memory = Memory(settings.max_held_bytes)
        self.opening = Opening(self.intake, settings)
        self.metrics.watch(self.metrics.held, lambda: self.memory.used)
        self.metrics.watch(self.metrics.intake, self.opening.__len__)
        self.metrics.watch_checkpoints(self._checkpoints)
        self._lanes: dict[str, Lane] = {}
        self._batchers: dict[tuple[str, str], Batcher[Item, Row]] = {}
        self._loading: asyncio.Task[None] | None = None
        self._loaded = loaded

    async def start(self) -> None:
        """Open the queues and begin to load in the background. Raises FileNotFoundError without a weights folder."""
        root = self.engine.root()
        self.engine.configure()
        for dataset, model in self.engine.states():
            batcher = self._batchers[dataset, model] = self._batcher(dataset, model)
            self.metrics.watch(self.metrics.queue.labels(model, dataset), batcher.__len__)
        self._loading = asyncio.create_task(asyncio.to_thread(self._load, root))

    async def close(self) -> None:
        """Answer what waits and stop every thread."""
        self.engine.close()
        await asyncio.gather(*(batcher.close() for batcher in self._batchers.values()))
        if self._loading is not None:
            await self._loading
        await self.opening.close()
        for lane in self._lanes.values():
            lane.executor.shutdown(wait=True, cancel_futures=True)

    def ready(self) -> bool:
        """Whether every checkpoint that is there is warm, and at least one is."""
        states = {state.state for state in [*self.engine.states().values(), *self.intake.states.values()]}
        return "loading" not in states and any(s.state == "ready" for s in self.engine.states().values())

    def clock(self, limit_s: float = math.inf) -> Clock:
        """A clock that starts now, with `limit_s` to go where that is less than everybody has."""
        return Clock.starting(min(limit_s, self.settings.deadline_s))

    async def see(self, upload: Upload, dataset: str, clock: Clock, preparation: Preparation = "auto") -> Seen:
        """Decode and prepare one picture, for `dataset` or for what `auto` decides. Raises ApiError."""
        seen = await self.opening.see(upload, dataset, clock, preparation)
        self.metrics.saw(seen)
        return seen

    async def read(self, upload: Upload, model: str, clock: Clock) -> Reading:
        """The number on a picture, each digit read by `model` through its queue. Raises ApiError."""
        page = await self.opening.read(upload, clock)
        self.metrics.saw_page(page.decode_s, page.find_s)
        room = self._room()

        async def ask(found: Found) -> Done[Row]:
            async with room:
                return await self._submit("mnist", model, (found.picture, True), clock)

        # The first error is the request's: a number with a digit missing would be another number.
        done = await gather([ask(found) for line in page.lines for found in line])
        return assemble.reading(model, page, done, self.engine.datasets["mnist"].classes, clock.total_ms())

    async def ask(self, model: str, seen: Seen, top_k: int, clock: Clock) -> Answered:
        """One network's answer. Raises ApiError."""
        done = await self._submit(seen.dataset, model, (seen.picture, not seen.as_it_was), clock)
        classes = self.engine.datasets[seen.dataset].classes
        return assemble.answered(model, seen, classes, done, top_k, clock.total_ms())

    async def _submit(self, dataset: str, model: str, item: Item, clock: Clock) -> Done[Row]:
        """What a network's batcher gives for a picture. Raises ApiError."""
        if problem := _problem(dataset, model, self.engine.states()):
            raise problem
        done = await submit(self._batchers[dataset, model], item, clock, model)
        self.metrics.waited(model, done.queued_s)
        return done

    async def ask_each(self, models: Sequence[str], seen: Seen, clock: Clock) -> AsyncGenerator[tuple[str, Outcome]]:
        """The answer or the error of each network, as they come; leaving the iteration cancels the rest.

        The hardest is asked first: the others are done beside it, and it alone would be longer than all of them.
        """

        async def ask(model: str) -> tuple[str, Outcome]:
            return model, await settle(self.ask(model, seen, 10, clock))

        tasks = [asyncio.create_task(ask(model)) for model in sorted(models, key=self.engine.cost, reverse=True)]
        try:
            for finished in asyncio.as_completed(tasks):
                yield await finished
        finally:
            for task in tasks:
                task.cancel()

    async def ask_many(
        self,
        model: str,
        uploads: Sequence[Upload | ApiError],
        dataset: str,
        top_k: int,
        clock: Clock,
        preparation: Preparation = "auto",
    ) -> list[Outcome]:
        """One network's answer or error for each picture, in order. Raises ApiError where the service failed all."""
        room = self._room()

        async def ask(one: Upload | ApiError) -> Answered:
            if isinstance(one, ApiError):
                raise one
            async with room:
                return await self.ask(model, await self.see(one, dataset, clock, preparation), top_k, clock)

        outcomes = await asyncio.gather(*(settle(ask(one)) for one in uploads))
        assemble.raise_if_all_failed(outcomes)
        return outcomes

    def check_available(self, dataset: str, models: Iterable[str]) -> None:
        """Raise ApiError where none of `models` can answer for `dataset`, or for any where that is "auto"; known before
        a picture is looked at.
        """
        if dataset == "auto":
            self.intake.check_auto()
        states = self.engine.states()
        datasets = self.engine.datasets if dataset == "auto" else [dataset]
        problems = [_problem(name, model, states) for name in datasets for model in models]
        if problems and all(problems):
            raise min(filter(None, problems), key=lambda problem: problem.code != "not_ready")  # that may yet change

    def _checkpoints(self) -> Iterable[Checkpoint]:
        """Those that are loaded, as the metrics tell them."""
        for name in self.engine.names:
            for dataset, told in self.engine.describe(name)["checkpoints"].items():
                if told["digest"] is not None:
                    yield name, dataset, told["digest"], told["form"]

    def _room(self) -> asyncio.Semaphore:
        # One request takes at most a quarter of the queue at a time, so that it cannot fill it against all others.
        return asyncio.Semaphore(max(1, self.settings.queue_size // 4))

    def _batcher(self, dataset: str, model: str) -> Batcher[Item, Row]:
        def run(items: list[Item]) -> Sequence[Row]:
            pictures, as_sent = zip(*items, strict=True)
            return list(self.engine.predict(dataset, model, np.stack(pictures), np.array(as_sent)))

        lane = self.engine.lane(model)
        if lane not in self._lanes:
            streams = self.engine.streams
            self._lanes[lane] = Lane(ThreadPoolExecutor(streams, lane), streams)
        return Batcher(
            run,
            self._lanes[lane],
            max_batch=self.engine.max_batch(model),
            max_queue=self.settings.queue_size,
            observe=self.metrics.watch_batches(model),
        )

    def _load(self, root: Path) -> None:
        for load in (self.intake.load, self.engine.load):
            try:
                load(root)
            except Exception:  # never ready then; /readyz shows what had not been loaded
                log.exception("loading broke off")
        self._loaded()


def _problem(dataset: str, model: str, states: Mapping[tuple[str, str], State]) -> ApiError | None:
    """Why a network cannot answer for a dataset, if it cannot."""
    state = states[dataset, model]
    if state.state == "loading":
        return ApiError("not_ready", f"{model} for {dataset} is still loading; try again shortly", retry_after=2)
    if state.state != "ready":
        return ApiError("model_unavailable", f"{model} for {dataset} is {state.state}: {state.reason}")
    return None
