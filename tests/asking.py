"""One call by a client of either kind, for tests."""

from collections.abc import Callable
from typing import Any

import anyio

from app.answers import PREDICTION
from app.client import AsyncClient, Client
from tests.scripted import answer

Ask = Callable[..., Any]
SEVEN = answer(PREDICTION)


def ask_sync(url: str, method: str, *asked: Any, into: Any = None, told: Any = None, **options: Any) -> Any:
    with Client(url, **(told or {})) as client:
        done = getattr(client, method)(*asked, **options)
        if into is None:
            return done
        for line in done:
            into.append(line)


def ask_async(url: str, method: str, *asked: Any, into: Any = None, told: Any = None, **options: Any) -> Any:
    async def ask() -> Any:
        async with AsyncClient(url, **(told or {})) as client:
            done = getattr(client, method)(*asked, **options)
            if into is None:
                return await done
            async for line in done:
                into.append(line)

    return anyio.run(ask)
