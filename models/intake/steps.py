"""What the intake tells of its work: the steps that it took, and why it could not go on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")


class IntakeError(ValueError):
    """A picture that cannot be used; ``code`` is the error's name in the HTTP contract."""

    code = "undecodable"


class NothingFound(IntakeError):
    """The picture holds nothing to read: it is blank, or too faint."""

    code = "nothing_found"


@dataclass(frozen=True)
class Step:
    """One thing done to a picture, with its parameters (JSON-able), so that it can be shown."""

    name: str
    parameters: dict[str, Any]


def given(outcome: T | Exception) -> T:
    """What was given, or the error that came in its place, raised."""
    try:
        if isinstance(outcome, Exception):
            raise outcome
        return outcome
    finally:
        del outcome  # an error remembers its frames: one that remembers the error keeps the picture until gc comes by
