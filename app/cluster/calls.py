"""One call of another deployment, until its deadline: what is lost with a replica is asked again.

Whatever is asked is computed from what was sent and changes nothing, so that asking twice is as good as once.
"""

import asyncio
import logging
from collections.abc import Generator
from typing import Any, Protocol

from app.errors import ApiError
from app.serving.clock import Clock

log = logging.getLogger(__name__)

AGAIN_S = 0.05  # until what was lost is asked again: Ray needs a moment to know that a replica is gone; then twice that
LONGEST_S = 1.0
MOST = 5  # replicas that one request may lose: a picture that ends whoever opens it must not end all


class Response(Protocol):
    """What a call gives at once: to be awaited, or given up."""

    def __await__(self) -> Generator[Any, None, Any]:
        """The reply."""

    def cancel(self) -> None:
        """Nobody waits any more: what still waits there is not computed."""


class Handle(Protocol):
    """A deployment, from outside."""

    def ask(self, method: str, *arguments: object) -> Response:
        """Call a method of one of its replicas. What comes of it may raise Full, Lost, Unavailable."""

    async def everywhere(self, method: str, seconds: float) -> list[Any]:
        """Call a method of all its replicas: what each gives, or raised."""


class Full(Exception):
    """The callers of a deployment wait in too long a line."""


class Lost(Exception):
    """Who was asked went away before there was a reply."""


class Unavailable(Exception):
    """A deployment could not be started at all."""


async def call(handle: Handle, method: str, who: str, clock: Clock, *arguments: object) -> Any:
    """What a replica replies to `method(*arguments, seconds left, whose request it is)`, which may be Refused. Raises
    ApiError: 429 where too many callers wait, 504 at the deadline, 503 where there is nobody to ask, or MOST of those
    asked went away.
    """
    pause_s = AGAIN_S
    for _ in range(MOST):
        left_s = clock.left_s()
        if left_s <= 0:
            raise late(clock)
        try:
            return await within(handle.ask(method, *arguments, left_s, party_of(clock)), left_s)
        except TimeoutError:
            raise late(clock) from None
        except Full as error:
            raise ApiError("queue_full", f"{error}, for {who}; try again in 1 s", retry_after=1) from None
        except Unavailable as error:
            raise ApiError("model_unavailable", f"{who} is not there: {error}", retry_after=5) from None
        except Lost as error:
            log.warning("%s: %s; asked again", who, error)
        await asyncio.sleep(min(pause_s, max(0.0, clock.left_s())))
        pause_s = min(LONGEST_S, 2 * pause_s)
    raise ApiError(
        "model_unavailable", f"{MOST} replicas of {who} went away, one after the other, while they were asked"
    )


def party_of(clock: Clock) -> str:
    """What tells a request from others wherever parts of it arrive."""
    return f"{clock.start:.9f}/{id(clock.party):x}"


def late(clock: Clock) -> ApiError:
    """The refusal at the deadline."""
    return ApiError("deadline_exceeded", f"there was no answer within {clock.limit_s:g} s")


async def within(response: Response, seconds: float) -> Any:
    """The reply, within `seconds`; who stops waiting, for whatever reason, says so. Raises TimeoutError, Full, Lost,
    Unavailable.
    """
    over = False
    try:
        async with asyncio.timeout(seconds) as limit:
            reply = await response
        over = True
        return reply
    except TimeoutError as error:
        if limit.expired():
            raise
        raise RuntimeError(f"a replica failed: {error!r}") from error  # at something of its own, and in time
    finally:
        if not over:
            response.cancel()
