"""A service's parts in this process: intake on a few threads, each network behind its batcher, loaded and exchanged."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from app.errors import ApiError
from app.serving.decoders import Decoders
from app.serving.engine import Engine
from app.serving.exchange import folder_of, load, objections, refuse_if
from app.serving.features import Features
from app.serving.intake import Intake
from app.serving.metrics import Metrics
from app.serving.networks import Networks
from app.serving.opening import Opening
from app.serving.service import Service
from app.serving.state import lacking, stuck
from app.settings import Settings

log = logging.getLogger(__name__)


def service(
    settings: Settings,
    engine: Engine | None = None,
    intake: Intake | None = None,
    *,
    loaded: Callable[[], None] = lambda: None,
    fresh: Callable[[], tuple[Engine, Intake]] | None = None,
) -> Service:
    """A service with all its parts in this process; see Local."""
    return Service(settings, Local(settings, engine, intake, loaded=loaded, fresh=fresh))


class Local:
    """Intake, networks and features with threads of their own; see `Parts`.

    `engine` and `intake` are its own, or a test's, and `fresh` makes others when all is loaded anew; `loaded` is called
    on the loading thread once loading has ended.
    """

    def __init__(
        self,
        settings: Settings,
        engine: Engine | None = None,
        intake: Intake | None = None,
        *,
        loaded: Callable[[], None] = lambda: None,
        fresh: Callable[[], tuple[Engine, Intake]] | None = None,
    ) -> None:
        self.intake = intake or Intake(Decoders.of(settings))
        self.metrics = Metrics()
        self.opening = Opening(self.intake, settings)
        self.networks = Networks(engine or Engine(settings), settings, self.metrics)
        self.features = Features(self.networks)
        self.metrics.watch(self.metrics.intake, self.opening.__len__)
        self.metrics.watch(self.metrics.features, self.features.__len__)
        self.metrics.watch_checkpoints(self.networks.checkpoints)
        self._settings = settings
        self._loading: asyncio.Task[None] | None = None
        self._loaded = loaded
        self._fresh = fresh or (lambda: (Engine(settings), self.intake.again()))
        self._exchanging = asyncio.Lock()
        self._incoming: Engine | None = None
        self._closed = False

    async def start(self) -> None:
        """See Parts."""
        engine = self.networks.engine
        root = engine.root()
        engine.configure()
        self.opening.start()
        self.networks.start()
        self._loading = asyncio.create_task(asyncio.to_thread(self._load, root))

    async def close(self) -> None:
        """Answer what waits and stop every thread."""
        self._closed = True
        for engine in filter(None, (self.networks.engine, self._incoming)):
            engine.close()
        await self.features.close()
        await self.networks.close()
        if self._loading is not None:
            await self._loading
        async with self._exchanging:
            await self.opening.close()
        await asyncio.to_thread(self.intake.close)

    async def reload(self) -> None:
        """See Parts."""
        async with self._exchanging:
            if self._closed:
                raise ApiError("not_ready", "the service is shutting down", retry_after=5)
            if self._loading is None or not self._loading.done():
                raise ApiError("not_ready", "the first checkpoints are still loading; try again shortly", retry_after=2)
            old = self.networks.engine
            root = folder_of(old)
            self._incoming, intake = self._fresh()
            engine = self._incoming
            await asyncio.to_thread(load, root, intake, engine)
            before, after = ((e.states(), i.states) for e, i in ((old, self.intake), (engine, intake)))
            self._incoming = None
            refuse_if(objections(before, after))
            self.networks.exchange(engine)
            self.features.forget()
            self.intake = self.opening.intake = intake
            await asyncio.to_thread(self._loaded)
            log.info("checkpoints were exchanged")

    def unready(self) -> str | None:
        """See Parts."""
        if lacks := lacking(self.networks.states(), self.intake.states):
            return lacks
        return stuck(max(self.opening.busy_s(), self.networks.busy_s()), self._settings.deadline_s)

    async def told(self) -> bytes:
        """See Parts."""
        return await self.metrics.text()

    def _load(self, root: Path) -> None:
        load(root, self.intake, self.networks.engine)
        self.networks.learn()
        self._loaded()
