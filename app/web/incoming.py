"""What every route that takes a picture does: check what is asked, read the picture within the limits, answer unless
the client has gone; and what those do that answer line by line.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Any, TypeVar

from fastapi import Request
from starlette.requests import ClientDisconnect
from starlette.responses import Response, StreamingResponse

from app.serving.clock import Clock
from app.serving.service import Service
from app.uploads import Share, Upload
from app.web import deadline
from app.web.body import read_one
from app.web.media_types import NDJSON
from app.web.parameters import check_names
from app.web.record import record_of

T = TypeVar("T")


@asynccontextmanager
async def one_picture(
    request: Request, service: Service, dataset: str, models: list[str]
) -> AsyncIterator[tuple[Upload, Clock]]:
    """The picture of a request, and the clock that starts when it is there. Raises ApiError, before anything is read
    where the names do not exist or no network can answer.
    """
    start = checked(request, service, dataset, models)
    with Share(service.memory) as share:
        upload = await read_one(request, service.settings, share)
        yield upload, start()


def checked(request: Request, service: Service, dataset: str, models: list[str]) -> Callable[[], Clock]:
    """Look at all of a request but its body; what it gives starts the request's clock. Raises ApiError."""
    check_names(service, dataset, models)
    record, limit_s = record_of(request.scope), deadline.limit_s(request)
    if len(models) == 1:
        record.model = models[0]
    service.check_available(dataset, models)
    service.check_room(dataset, models, service.clock(limit_s))

    def start() -> Clock:
        record.clock = service.clock(limit_s)
        return record.clock

    return start


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, but stop when the client goes away, so that nothing is computed for nobody."""
    task = asyncio.current_task()
    assert task is not None
    watch = asyncio.create_task(_disconnect(request))
    over = gone = False

    def leave(_: asyncio.Task[None]) -> None:
        nonlocal gone
        if not watch.cancelled():
            watch.exception()  # a connection that breaks is a client that has gone
        if not over:
            gone = True
            task.cancel()

    watch.add_done_callback(leave)
    try:
        return await work
    except asyncio.CancelledError:
        if gone and task.uncancel() == 0:  # else: somebody else wants an end, too
            raise ClientDisconnect from None
        raise
    except Exception:
        if gone:
            task.uncancel()  # or whoever answers the error would be ended in its stead
        raise
    finally:
        over = True
        watch.cancel()


async def by_lines(request: Request, lines: AsyncGenerator[str], headers: Mapping[str, str]) -> Response:
    """An answer whose lines are sent as they come; but all at once to who speaks HTTP/1.0, which knows no chunks (RFC
    9112, section 6.1).
    """
    if request.scope["http_version"] == "1.0":
        return Response(await unless_gone(request, _joined(lines)), media_type=NDJSON, headers=headers)
    at_once = {**headers, "X-Accel-Buffering": "no"}  # nginx, which many have in front, would keep them back
    return StreamingResponse(lines, media_type=NDJSON, headers=at_once)


async def _joined(lines: AsyncGenerator[str]) -> str:
    async with aclosing(lines):
        return "".join([line async for line in lines])


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
