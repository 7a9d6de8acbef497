"""How a queue's refusals are told to whoever asked."""

import math
from collections.abc import Iterator
from contextlib import contextmanager

from app.errors import ApiError
from app.serving.clock import Clock
from app.serving.pace import QueueFull
from app.serving.tickets import Broken, Closed, Late


@contextmanager
def as_answers(who: str, clock: Clock) -> Iterator[None]:
    """What a queue raises, as ApiError; `who` it is that pictures wait for."""
    try:
        yield
    except QueueFull as error:
        raise queue_full(who, error) from None
    except Broken as error:
        pause_s = max(1, math.ceil(error.retry_after))
        raise ApiError("model_unavailable", f"{who} is paused: {error}", retry_after=pause_s) from None
    except Late:
        raise ApiError("deadline_exceeded", f"there was no answer within {clock.limit_s:g} s") from None
    except Closed:
        raise ApiError("not_ready", "the service is shutting down", retry_after=5) from None


def queue_full(who: str, error: QueueFull) -> ApiError:
    """The refusal of a queue that has no room, or none in time."""
    told = f"{error}, for {who}; try again in {error.retry_after} s"
    return ApiError("queue_full", told, retry_after=error.retry_after)
