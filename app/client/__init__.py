"""A small client of the service, sync and async.

    with Client("http://127.0.0.1:8000") as client:
        print(client.predict("seven.png", model="lenet").label)

A call is answered, or raises a LineupError, within its deadline; a Client's, not an AsyncClient's, may outlast it
where a connection or the head of an answer drags on. Requests do nothing but answer, so what is refused for the moment
(429, 503) or lost on the way is sent again: a few times, after as long as the service says. Options of a call that are
not given are left to the service.
"""

import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Generator, Iterable
from contextlib import closing
from typing import Any, Concatenate, ParamSpec, Self, TypeVar, cast

import anyio
import httpx

from app.client import calls
from app.client.attempts import FAILURES, Attempts, DeadlineExceeded, LineupError, ServiceError, Unreachable, refusal
from app.client.calls import Call, Line, Lines, Picture
from app.client.sending import Common, Timed, headers_of, named, request_of

__all__ = [
    "AsyncClient",
    "Call",
    "Client",
    "DeadlineExceeded",
    "Line",
    "LineupError",
    "Picture",
    "ServiceError",
    "Unreachable",
]

DEADLINE_S = 30.0  # the service's own is 10 s after the upload
RETRIES = 3
P = ParamSpec("P")
T = TypeVar("T")
R = TypeVar("R")


def _asked(describe: Callable[P, Call[T]]) -> Callable[Concatenate["Client", P], T]:
    """The method that asks what `describe` describes."""

    def ask(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self.ask(describe(*args, **kwargs))

    return named(ask, describe)


def _asked_async(describe: Callable[P, Call[T]]) -> Callable[Concatenate["AsyncClient", P], Awaitable[T]]:
    async def ask(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.ask(describe(*args, **kwargs))

    return named(ask, describe)


class Client(Common):
    """Asks the service at `base_url` and waits for its answers; may be used by several threads.

    `deadline_s` is for each call, its `retries` and the pauses between them included; an answer that stalls once part
    of it has come is given up after as long again as was left when it began. Until then httpx gives each step (each
    address, TLS, each piece of an upload, each piece of the head) all that was left when the attempt began: who must
    not wait for a server that drips its head takes the AsyncClient. Any other option is one of httpx.Client's
    (`verify`, `proxy`, `headers`, `transport`).
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        deadline_s: float = DEADLINE_S,
        retries: int = RETRIES,
        **options: Any,
    ) -> None:
        super().__init__(base_url, deadline_s, retries)
        headers = headers_of(api_key)
        self._http = httpx.Client(base_url=base_url, **options)
        self._http.headers.update(headers)

    predict = _asked(calls.predict)
    compare = _asked(calls.compare)
    prepare = _asked(calls.prepare)
    flip = _asked(calls.flip)
    read = _asked(calls.read)
    batch = _asked(calls.batch)
    models = _asked(calls.models)
    ready = _asked(calls.ready)

    def compare_lines(
        self,
        picture: Picture,
        *,
        dataset: str | None = None,
        prepare: str | None = None,
        models: Iterable[str] | None = None,
    ) -> Generator[Line, None, None]:
        """As `compare`, but each network as soon as it has answered: a ComparisonHead, a Prediction or NetworkError
        each, a ComparisonTail. Raises Unreachable where the answer breaks off.
        """
        call = calls.compare_lines(picture, dataset=dataset, prepare=prepare, models=models)
        attempts, lines = self._attempts(call), Lines()
        with closing(self._try(self._stream, call, attempts)) as response:
            try:
                for text in response.iter_lines():
                    yield lines.take(text)
            except FAILURES as failure:
                raise attempts.meant(failure) from failure
        lines.end()

    def ask(self, call: Call[T]) -> T:
        """Send what a function of `app.client.calls` describes. Raises LineupError."""
        return self._try(self._answer, call, self._attempts(call))

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _try(self, once: Callable[[Call[T], Attempts], R], call: Call[T], attempts: Attempts) -> R:
        while True:
            try:
                return once(call, attempts)
            except (LineupError, *FAILURES) as failure:
                pause = attempts.pause(failure)
            time.sleep(pause)

    def _answer(self, call: Call[T], attempts: Attempts) -> T:
        with closing(self._send(call, attempts)) as response:
            return call.answer(response, response.read())

    def _stream(self, call: Call[T], attempts: Attempts) -> httpx.Response:
        response = self._send(call, attempts)
        if response.is_success:
            return response
        with closing(response):
            raise refusal(response, response.read())

    def _send(self, call: Call[T], attempts: Attempts) -> httpx.Response:
        request = request_of(self._http, call, attempts)
        request.stream = Timed(cast(httpx.SyncByteStream, request.stream), attempts)
        response = self._http.send(request, stream=True)
        request.extensions["timeout"]["read"] = attempts.left()  # or an answer that stalls would have all of it again
        response.stream = Timed(cast(httpx.SyncByteStream, response.stream), attempts)
        return response


class AsyncClient(Common):
    """The same for asyncio and trio; `transport=httpx.ASGITransport(app)` asks an application in this process.

    The file of a picture is read on the event loop; give its bytes where that must not wait for a disk.
    """

    def __init__(
        self,
        base_url: str,
        api_key: str | None = None,
        *,
        deadline_s: float = DEADLINE_S,
        retries: int = RETRIES,
        **options: Any,
    ) -> None:
        super().__init__(base_url, deadline_s, retries)
        headers = headers_of(api_key)
        self._http = httpx.AsyncClient(base_url=base_url, **options)
        self._http.headers.update(headers)

    predict = _asked_async(calls.predict)
    compare = _asked_async(calls.compare)
    prepare = _asked_async(calls.prepare)
    flip = _asked_async(calls.flip)
    read = _asked_async(calls.read)
    batch = _asked_async(calls.batch)
    models = _asked_async(calls.models)
    ready = _asked_async(calls.ready)

    async def compare_lines(
        self,
        picture: Picture,
        *,
        dataset: str | None = None,
        prepare: str | None = None,
        models: Iterable[str] | None = None,
    ) -> AsyncGenerator[Line, None]:
        """As `Client.compare_lines`; where not all lines are wanted, `contextlib.aclosing` hangs up at once."""
        call = calls.compare_lines(picture, dataset=dataset, prepare=prepare, models=models)
        attempts, lines = self._attempts(call), Lines()
        response = await self._try(self._stream, call, attempts)
        try:
            texts = response.aiter_lines()
            while (text := await _next(texts, attempts)) is not None:
                yield lines.take(text)
        finally:
            await response.aclose()
        lines.end()

    async def ask(self, call: Call[T]) -> T:
        """Send what a function of `app.client.calls` describes. Raises LineupError."""
        return await self._try(self._answer, call, self._attempts(call))

    async def close(self) -> None:
        """Hang up."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _try(self, once: Callable[[Call[T], Attempts], Awaitable[R]], call: Call[T], attempts: Attempts) -> R:
        while True:
            try:
                with anyio.fail_after(attempts.left()):
                    return await once(call, attempts)
            except (LineupError, *FAILURES) as failure:
                pause = attempts.pause(failure)
            await anyio.sleep(pause)

    async def _answer(self, call: Call[T], attempts: Attempts) -> T:
        response = await self._http.send(request_of(self._http, call, attempts))
        return call.answer(response, response.content)

    async def _stream(self, call: Call[T], attempts: Attempts) -> httpx.Response:
        response = await self._http.send(request_of(self._http, call, attempts), stream=True)
        if response.is_success:
            return response
        try:
            raise refusal(response, await response.aread())
        finally:
            await response.aclose()


async def _next(texts: AsyncIterator[str], attempts: Attempts) -> str | None:
    """The next line in time, None after the last. The clock runs here alone, not while whoever asked has the line."""
    try:
        with anyio.fail_after(attempts.left()):
            return await anext(texts, None)
    except FAILURES as failure:
        raise attempts.meant(failure) from failure
