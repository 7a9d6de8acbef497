"""What is left of a refused upload."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from starlette.types import Message

DRAIN_S = 2.0
DRAIN_BYTES = 32 * 1024 * 1024


async def drain(receive: Callable[[], Awaitable[Message]]) -> None:
    """Throw away what is still on its way of a body whose request is answered already, for a moment and up to a bound.

    Closing on it resets the connection, and many a client then never reads the refusal. What is more or slower than
    this is cut: the server closes a connection whose request was not read to its end.
    """
    left = DRAIN_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_S):
            while left > 0:
                message = await receive()
                if not message.get("more_body", False):
                    return
                left -= len(message["body"])
