"""What both clients share: how a call becomes a request of httpx, and a function that describes calls a method."""

import inspect
from collections.abc import Callable, Iterator
from copy import copy
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

import httpx

from app.client.attempts import Attempts
from app.client.calls import Call

PIECE = 64 * 1024  # bytes of an upload between two looks at the clock
P = ParamSpec("P")
T = TypeVar("T")


class Common:
    """What both clients are told."""

    def __init__(self, base_url: str, deadline_s: float, retries: int) -> None:
        self.base_url = base_url.rstrip("/")
        self._retries = retries
        self._deadline_s = _positive(deadline_s)

    def within(self, seconds: float) -> Self:
        """This client, on the same connections, with another deadline: `client.within(0.5).predict(picture)`."""
        other = copy(self)
        other._deadline_s = _positive(seconds)
        return other

    def _attempts(self, call: Call[T]) -> Attempts:
        return Attempts(self.base_url + call.path, self._deadline_s, self._retries)


class Timed(httpx.SyncByteStream):
    """A body on its way, while there is time: httpx's own timeouts are for each look at the socket, so that a body that
    drips would never end.
    """

    def __init__(self, stream: httpx.SyncByteStream, attempts: Attempts) -> None:
        self._stream, self._attempts = stream, attempts

    def __iter__(self) -> Iterator[bytes]:
        for piece in self._stream:
            for start in range(0, len(piece), PIECE):
                self._attempts.check()
                yield piece[start : start + PIECE]

    def close(self) -> None:
        """httpx's."""
        self._stream.close()


def request_of(http: httpx.Client | httpx.AsyncClient, call: Call[T], attempts: Attempts) -> httpx.Request:
    request = http.build_request(call.method, call.path, timeout=attempts.left(), **call.options)
    request.headers.update({"Accept": call.accept, **attempts.headers()})
    return request


def named(ask: Callable[..., Any], describe: Callable[P, Call[T]]) -> Callable[..., Any]:
    """`ask` with the name, words and options of `describe`."""
    told = wraps(describe)(ask)
    of = inspect.signature(describe)
    own = inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)
    told.__signature__ = of.replace(parameters=[own, *of.parameters.values()])  # type: ignore[attr-defined]
    return told


def headers_of(api_key: str | None) -> dict[str, str]:
    """What identifies the client. ValueError, which does not show the key, where no header can hold it: h11 would show
    it whole, as the reason why nobody was reached.
    """
    if api_key is None:
        return {}
    key = api_key.strip()  # a file's last line ends in a newline
    if not key:
        raise ValueError(f"the API key has {len(api_key)} characters, none but spaces; for no key, give None")
    for place, character in enumerate(key, start=1):
        if not " " <= character <= "~":
            told = f"character {place} of {len(key)} is U+{ord(character):04X}"
            raise ValueError(f"the API key cannot be sent: {told}; wanted printable ASCII alone")
    return {"Authorization": f"Bearer {key}"}


def _positive(seconds: float) -> float:
    if not 0 < seconds < float("inf"):
        raise ValueError(f"the deadline is {seconds!r} s; wanted more than 0, and less than for ever")
    return seconds
