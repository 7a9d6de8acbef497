"""From an upload to answers: what is asked of the intake and of the networks, under one deadline."""

import asyncio
import math
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence

from app.errors import ApiError
from app.serving import assemble
from app.serving.assemble import Answered, Outcome, Read
from app.serving.backends import Chances
from app.serving.clock import Clock
from app.serving.intake import Preparation
from app.serving.metrics import Metrics
from app.serving.parts import Answers, Judges, Known, Parts, Sees, Shows
from app.serving.state import State
from app.serving.tickets import Done
from app.serving.together import gather, settle
from app.settings import Settings
from app.uploads import Memory, Upload
from models.intake.pipeline import Seen
from models.intake.read import Found


class Service:
    """Everything behind the routes; `start` and `close` belong to the application's lifespan. `parts` are its own."""

    def __init__(self, settings: Settings, parts: Parts) -> None:
        self.settings = settings
        self.parts = parts
        self.memory = Memory(settings.max_held_bytes)
        self.metrics.watch(self.metrics.held, lambda: self.memory.used)
        self.draining = False  # set by the server once it is to end: not ready, so that nobody sends it more
        self.tell_others: Callable[[], object] = lambda: None  # other processes, that checkpoints were exchanged

    @property
    def metrics(self) -> Metrics:
        """What is counted here."""
        return self.parts.metrics

    @property
    def engine(self) -> Known:
        """The networks that answer now."""
        return self.parts.networks.engine

    @property
    def intake(self) -> Judges:
        """Auto and the gate that judge now."""
        return self.parts.intake

    @property
    def opening(self) -> Sees:
        """Who sees uploads."""
        return self.parts.opening

    @property
    def networks(self) -> Answers:
        """Who says what networks say."""
        return self.parts.networks

    @property
    def features(self) -> Shows:
        """Who shows what is inside the networks."""
        return self.parts.features

    async def start(self) -> None:
        """Begin to load in the background. Raises FileNotFoundError without a weights folder."""
        await self.parts.start()

    async def close(self) -> None:
        """Answer what waits, and end."""
        await self.parts.close()

    async def reload(self) -> None:
        """Load every checkpoint anew beside those that answer, and let them take over; no request is lost. Raises
        ApiError, and changes nothing, where that would be worse than what is there.
        """
        await self.parts.reload()

    def states(self) -> Mapping[tuple[str, str], State]:
        """The state of every (dataset, network)."""
        return self.networks.states()

    def ready(self) -> bool:
        """Whether requests should be sent here."""
        return self.unready() is None

    def unready(self) -> str | None:
        """Why no requests should be sent here, in words; None where every checkpoint that is there is warm, at least
        one is, every thread works, and the service is not about to end.
        """
        if self.draining:
            return "the service is draining: it answers what it has accepted, and ends"
        return self.parts.unready()

    def clock(self, limit_s: float = math.inf) -> Clock:
        """A clock that starts now, with `limit_s` to go where that is less than everybody has."""
        return Clock.starting(min(limit_s, self.settings.deadline_s))

    async def see(
        self,
        upload: Upload,
        dataset: str,
        clock: Clock,
        preparation: Preparation = "auto",
        *,
        models: Sequence[str] = (),
    ) -> Seen:
        """Decode and prepare one picture, for `dataset` or for what `auto` decides. Raises ApiError, at once where none
        of `models`, who will be asked about it, could answer in time.
        """
        self.check_room(dataset, models, clock)
        with self.networks.expecting(models, clock.party):
            seen = await self.opening.see(upload, dataset, clock, preparation)
        self.metrics.saw(seen)
        return seen

    async def read(self, upload: Upload, model: str, clock: Clock) -> Read:
        """The number on a picture, each digit read by `model` through its queue. Raises ApiError."""
        self.check_room("mnist", [model], clock)
        with self.networks.expecting([model], clock.party):
            page = await self.opening.read(upload, clock)
        self.metrics.saw_page(page.decode_s, page.find_s)
        room = self._room()

        async def ask(found: Found) -> Done[Chances]:
            async with room:
                return await self.networks.submit("mnist", model, (found.picture, True), clock)

        # The first error is the request's: a number with a digit missing would be another number.
        done = await gather([ask(found) for line in page.lines for found in line])
        return assemble.reading(model, page, done, self.engine.datasets["mnist"].classes, clock.total_ms())

    async def ask(self, model: str, seen: Seen, top_k: int, clock: Clock) -> Answered:
        """One network's answer. Raises ApiError."""
        done = await self.networks.submit(seen.dataset, model, (seen.picture, not seen.as_it_was), clock)
        classes = self.engine.datasets[seen.dataset].classes
        return assemble.answered(model, seen, classes, done, top_k, clock.total_ms())

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
                raise one.again()
            async with room:
                seen = await self.see(one, dataset, clock, preparation, models=[model])
                return await self.ask(model, seen, top_k, clock)

        outcomes = await asyncio.gather(*(settle(ask(one)) for one in uploads))
        assemble.raise_if_all_failed(outcomes)
        return outcomes

    def check_available(self, dataset: str, models: Iterable[str]) -> None:
        """Raise ApiError where none of `models` can answer for `dataset`, or for any where that is "auto"; known before
        a picture is looked at. Of their reasons it tells one that may yet change, if there is one.
        """
        if dataset == "auto":
            self.intake.check_auto()
        problems = [self.networks.problem(name, model) for name in self._datasets(dataset) for model in models]
        if problems and all(problems):
            raise min(filter(None, problems), key=lambda problem: problem.code != "not_ready").again()

    def check_room(self, dataset: str, models: Sequence[str], clock: Clock) -> None:
        """Raise ApiError where one more picture could not be opened in time, or none of `models` answer it then."""
        self.opening.check_room(clock)
        self.networks.check_room(self._datasets(dataset), models, clock.deadline - self.opening.wait_s(), clock.party)

    def _datasets(self, dataset: str) -> Iterable[str]:
        return self.engine.datasets if dataset == "auto" else [dataset]

    def _room(self) -> asyncio.Semaphore:
        # One request takes at most an eighth of a queue at a time, so that it cannot fill it against all others.
        return asyncio.Semaphore(max(1, self.settings.queue_size // 8))
