"""What replicas of the intake and of networks have in common."""

import asyncio
from abc import ABC, abstractmethod

from app.cluster.replies import Refused, replied
from app.cluster.told import Told, named
from app.serving import garbage
from app.serving.metrics import Metrics
from app.serving.state import stuck
from app.settings import Settings


class Replica(ABC):
    """Counts, loads anew and tells whether it works."""

    def __init__(self, name: str, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._replica = named(name)
        self._exchanging = asyncio.Lock()

    @abstractmethod
    async def _exchange(self) -> None:
        """Load the checkpoints anew and let them answer. Raises ApiError, and changes nothing, where that is worse."""

    @abstractmethod
    def _busy_s(self) -> float:
        """For how many seconds a thread has been busy with the same; 0 where none is."""

    @abstractmethod
    async def close(self) -> None:
        """Answer what waits and stop every thread."""

    async def metrics(self) -> Told:
        """What was counted here."""
        return Told(self._replica, await self._metrics.text())

    async def reload(self) -> Refused | None:
        """Load the checkpoints anew and let them answer; where that would be worse, why not, and nothing changes."""
        async with self._exchanging:
            refused = await replied(self._exchange())
            if refused is None:
                await asyncio.to_thread(garbage.settle)
            return refused

    async def check_health(self) -> None:
        """For Ray, which starts another replica where this raises: RuntimeError where a thread no longer works."""
        if told := stuck(self._busy_s(), self._settings.deadline_s):
            raise RuntimeError(told)
