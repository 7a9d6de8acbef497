"""A cluster in memory: real replicas round fakes, asked through handles that may lose, refuse and delay."""

import asyncio
from collections.abc import AsyncIterator, Generator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest

from app.cluster.intake import IntakeReplica
from app.cluster.network import NetworkReplica
from app.cluster.parts import Remote
from app.cluster.told import Told
from app.serving.service import Service
from app.settings import Settings
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake

PNG = {"content-type": "image/png"}


class FakeResponse:
    """A call under way."""

    def __init__(self, task: asyncio.Task[Any]) -> None:
        self.task = task
        self.cancelled = False

    def __await__(self) -> Generator[Any, None, Any]:
        return asyncio.shield(self.task).__await__()  # as Ray's: who stops waiting has to say so

    def cancel(self) -> None:
        self.cancelled = True
        self.task.cancel()


class FakeHandle:
    """A deployment of `replicas`; of what is asked the first `raises` calls end with these errors. Without replicas
    whoever asks waits.
    """

    def __init__(self, *replicas: Any) -> None:
        self.replicas = list(replicas)
        self.raises: list[Exception] = []
        self.asked: list[str] = []
        self.responses: list[FakeResponse] = []

    def ask(self, method: str, *arguments: object) -> FakeResponse:
        self.asked.append(method)
        response = FakeResponse(asyncio.create_task(self._run(method, arguments)))
        self.responses.append(response)
        return response

    async def everywhere(self, method: str, seconds: float) -> list[Any]:
        calls = (getattr(replica, method)() for replica in self.replicas)
        return await asyncio.gather(*calls, return_exceptions=True)

    async def _run(self, method: str, arguments: tuple[object, ...]) -> Any:
        if self.raises and method != "status":
            raise self.raises.pop(0)
        while not self.replicas:
            await asyncio.sleep(0.01)
        return await getattr(self.replicas[0], method)(*arguments)


class Itself:
    """The replica of an ingress, as far as others of its deployment ask it."""

    def __init__(self) -> None:
        self.remote: Remote | None = None

    async def metrics(self) -> Told:
        assert self.remote is not None
        return await self.remote.own()


class FakeCluster:
    """An ingress's service, the intake's handle and those of the networks, each with one replica round a fake."""

    def __init__(self, **settings: Any) -> None:
        self.settings = Settings.model_construct(**({"networks": "lenet,vgg11,resnet18"} | settings))
        self.fake_intake = FakeIntake()
        self.intake_replica = IntakeReplica(settings=self.settings, intake=self.fake_intake)  # type: ignore[arg-type]
        self.intake = FakeHandle(self.intake_replica)
        self.engines: dict[str, FakeEngine] = {}
        self.networks = {name: FakeHandle(self.network_replica(name)) for name in FakeEngine.names}
        itself = Itself()
        self.remote = Remote(self.settings, self.intake, self.networks, FakeHandle(itself))
        itself.remote = self.remote
        self.service = Service(self.settings, self.remote)

    def network_replica(self, name: str) -> NetworkReplica:
        engine = self.engines[name] = FakeEngine()
        engine.names = (name,)  # type: ignore[assignment]
        engine.now = {key: state for key, state in engine.now.items() if key[1] == name}
        engine.then = {key: state for key, state in engine.then.items() if key[1] == name}
        return NetworkReplica(name, 1, settings=self.settings, engine=engine)  # type: ignore[arg-type]

    async def close(self) -> None:
        for handle in (self.intake, *self.networks.values()):
            for replica in handle.replicas:
                await replica.close()


@asynccontextmanager
async def a_cluster(**settings: Any) -> AsyncIterator[FakeCluster]:
    cluster = FakeCluster(**settings)
    try:
        yield cluster
    finally:
        for engine in cluster.engines.values():
            engine.gate.set()
        cluster.fake_intake.gate.set()
        await cluster.close()


@pytest.fixture
async def cluster(anyio_backend: str) -> AsyncIterator[FakeCluster]:
    async with a_cluster() as it:
        yield it


@pytest.fixture
async def client(cluster: FakeCluster) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(cluster.service) as it:
        yield it
