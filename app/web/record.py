"""What becomes known of a request on its way through, for metrics, the log, and whoever answers."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.serving.clock import Clock

_KEY = "lineup.record"
_SANE_ID = re.compile(rb"[!-~]{1,64}")


@dataclass(slots=True)
class Record:
    """One request: its id; the error's code, the network and the dataset as they become known; and the clock of its
    answer.
    """

    id: str
    code: str = ""
    model: str = ""
    dataset: str = ""
    clock: Clock | None = None


def put(scope: Any, record: Record) -> None:
    """Let a request's scope carry its record."""
    scope[_KEY] = record


def record_of(scope: Mapping[str, Any]) -> Record:
    """The record of a request; one that nobody reads where none was put."""
    return scope.get(_KEY) or Record("")


def id_sent(headers: list[tuple[bytes, bytes]]) -> str | None:
    """The id that a client gives its request, where it is 1 to 64 printable characters of ASCII without spaces."""
    for name, value in headers:
        if name == b"x-request-id":
            return value.decode("ascii") if _SANE_ID.fullmatch(value) else None
    return None
