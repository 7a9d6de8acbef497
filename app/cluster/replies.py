"""What deployments say to each other: a result, or a refusal as a value.

A refusal that is raised in a replica arrives wrapped in Ray's own error and leaves a traceback in its log.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from app.errors import ApiError
from app.serving.state import State

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Refused:
    """An ApiError on its way."""

    code: str
    message: str
    retry_after: int | None

    @classmethod
    def of(cls, error: ApiError) -> "Refused":
        """The same as a value."""
        return cls(error.code, error.message, error.retry_after)

    def error(self) -> ApiError:
        """The same, to be raised."""
        return ApiError(self.code, self.message, retry_after=self.retry_after)


@dataclass(frozen=True, slots=True)
class NetworkStatus:
    """What a replica tells of its network: its card as `Engine.describe` gives it; by dataset, where it stands and why
    it cannot answer, if it cannot; and where it runs.
    """

    card: dict[str, Any]
    states: Mapping[str, State]
    problems: Mapping[str, Refused]
    device: str


async def replied(work: Awaitable[T]) -> T | Refused:
    """A result, or the refusal in its place."""
    try:
        return await work
    except ApiError as error:
        return Refused.of(error)


def opened(reply: T | Refused) -> T:
    """The result. Raises the refusal as ApiError."""
    if isinstance(reply, Refused):
        raise reply.error()
    return reply
