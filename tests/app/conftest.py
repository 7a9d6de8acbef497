"""Driving the application in memory, its lifespan included."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from app.main import create_app
from app.serving.service import Service
from tests.asking import Ask, ask_async, ask_sync
from tests.fakes import FakeEngine, fake_service


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@asynccontextmanager
async def serving(service: Service, *, until_ready: bool = True) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application, from its start to its end."""
    app = create_app(service=service)
    transport = httpx.ASGITransport(app)
    client = httpx.AsyncClient(transport=transport, base_url="http://test")
    async with app.router.lifespan_context(app), client:
        while until_ready and (await client.get("/readyz")).status_code != 200:
            await asyncio.sleep(0.01)
        yield client


@pytest.fixture
def engine() -> FakeEngine:
    return FakeEngine()


@pytest.fixture
async def client(engine: FakeEngine, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(fake_service(engine)) as it:
        yield it


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Ask:
    """A call by a client of either kind; lines are put `into` a list, `told` are the client's options."""
    chosen: Ask = request.param
    return chosen
