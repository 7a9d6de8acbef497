"""A service's parts on a cluster, together: what they told last, how they load anew, what they counted."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

from app.cluster.calls import Full, Handle, Lost, Unavailable, within
from app.cluster.known import Known
from app.cluster.remote import RemoteFeatures, RemoteIntake, RemoteNetworks
from app.cluster.replies import opened
from app.cluster.told import Told, named, together
from app.errors import ApiError
from app.serving.metrics import Metrics
from app.serving.state import lacking
from app.settings import Settings

log = logging.getLogger(__name__)

Watched = tuple[Handle, Callable[[Any], None], Callable[[str], None]]  # and what hears its status, or why there is none

ASKED_EVERY_S = 1.0  # how old is what an ingress knows of the others
PATIENCE_S = 5.0  # for their answer to that
RELOAD_S = 120.0  # for every replica to have loaded its checkpoints anew


class Remote:
    """The parts of a service by the handles of their deployments (see Parts); `own` is the ingress's, for what all its
    replicas count together.
    """

    def __init__(self, settings: Settings, intake: Handle, networks: Mapping[str, Handle], own: Handle) -> None:
        self.metrics = Metrics()
        self._replica = named("ingress")
        self.intake = self.opening = RemoteIntake(intake)
        self.networks = RemoteNetworks(networks, Known(settings))
        self.features = RemoteFeatures(self.networks)
        self._own = own
        self._watching: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """See Parts. It ends once everybody has told where they stand, so that an ingress which starts under load has
        no requests before it knows whom to ask; who tells nothing for PATIENCE_S is told as loading.
        """
        self.networks.engine.root()
        await self._look()
        self._watching = [asyncio.create_task(_watch(*watched)) for watched in self._watched()]

    async def close(self) -> None:
        """See Parts."""
        while self._watching:
            self._watching.pop().cancel()

    async def reload(self) -> None:
        """See Parts; replicas load one deployment after the other, and the first that would be worse ends it: those
        before it have exchanged theirs, and others of its own replicas may have, as the error says.
        """
        done: list[str] = []
        for name, handle in {"the intake": self.intake.handle, **self.networks.handles}.items():
            replies = await handle.everywhere("reload", RELOAD_S)
            try:
                for reply in replies:
                    if isinstance(reply, Exception):
                        told = f"a replica of {name} did not load anew, others may have: {_short(reply)}"
                        raise ApiError("model_unavailable", told)
                    opened(reply)
            except ApiError as error:
                if exchanged := sum(reply is None for reply in replies):  # each replica decides for itself
                    done.append(f"{exchanged} of {len(replies)} replicas of {name}")
                before = f"; exchanged already: {', '.join(done)}" if done else ""
                raise ApiError(error.code, f"{error.message}{before}", retry_after=error.retry_after) from None
            done.append(name)
        await self._look()  # so that who asked for it is told what answers now

    def unready(self) -> str | None:
        """See Parts."""
        return lacking(self.networks.states(), self.intake.states)

    async def own(self) -> Told:
        """What was counted here."""
        return Told(self._replica, await self.metrics.text())

    async def told(self) -> bytes:
        """See Parts; those of all replicas of all deployments beside each other."""
        others = [self._own, self.intake.handle, *self.networks.handles.values()]
        answers = await asyncio.gather(*(handle.everywhere("metrics", PATIENCE_S) for handle in others))
        each = [told for answer in answers for told in answer if isinstance(told, Told)]
        return await asyncio.to_thread(together, each)

    def _watched(self) -> Iterator[Watched]:
        """Each deployment, with whom to tell what it says."""
        known = self.networks.engine
        yield self.intake.handle, self.intake.took, self.intake.failed
        for name, handle in self.networks.handles.items():
            yield handle, partial(known.took, name), partial(known.failed, name)

    async def _look(self) -> None:
        await asyncio.gather(*(_look(*watched) for watched in self._watched()))


async def _watch(handle: Handle, took: Callable[[Any], None], failed: Callable[[str], None]) -> None:
    """Look again and again; never ends."""
    while True:
        await asyncio.sleep(ASKED_EVERY_S)
        await _look(handle, took, failed)


async def _look(handle: Handle, took: Callable[[Any], None], failed: Callable[[str], None]) -> None:
    """Ask a replica where it stands."""
    try:
        took(await within(handle.ask("status"), PATIENCE_S))
    except (TimeoutError, Full, Lost):
        pass  # it is busy, or another takes its place: what was told last holds for a while
    except Unavailable as error:
        failed(str(error))
    except Exception:
        log.exception("a deployment cannot say where it stands")


def _short(error: Exception) -> str:
    return type(error).__name__
