"""The one shape of every error: `{"error": {"code": ..., "message": ...}}`."""

from collections.abc import Iterable, Mapping
from typing import Self

SHOWN = 64  # characters of a value that an error repeats

STATUS: Mapping[str, int] = {
    "unauthorized": 401,
    "unknown_model": 404,
    "unknown_dataset": 404,
    "not_found": 404,
    "method_not_allowed": 405,
    "too_large": 413,
    "too_many_pixels": 413,
    "unsupported_type": 415,
    "undecodable": 422,
    "nothing_found": 422,
    "invalid_parameter": 422,
    "queue_full": 429,
    "rate_limited": 429,
    "internal": 500,
    "not_available": 501,
    "not_ready": 503,
    "model_unavailable": 503,
    "too_many_connections": 503,
    "deadline_exceeded": 504,
}


class ApiError(Exception):
    """An answer other than success. The code gives the status; `retry_after` is in whole seconds."""

    def __init__(self, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = STATUS[code]
        self.retry_after = retry_after

    def again(self) -> Self:
        """The same, to be raised where this one is kept: an error remembers the frames that it passes through, and if
        one of them remembers the error, all of them and their uploads stay until the garbage collector comes by.
        """
        return type(self)(self.code, self.message, retry_after=self.retry_after)


def show(value: object) -> str:
    """A value as an error repeats it: quoted, on one line, printable ASCII or letters, at most 64 characters."""
    text = str(value)
    safe = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text[: SHOWN + 1])
    return f"'{safe}'" if len(safe) <= SHOWN else f"'{safe[: SHOWN - 3]}...'"


def one_of(kind: str, name: str, names: Iterable[str]) -> str:
    """The message for a name that is not among `names`."""
    return f"no {kind} {show(name)}; there are: {', '.join(names)}"


def body(code: str, message: str) -> dict[str, dict[str, str]]:
    """The error as JSON-able data."""
    return {"error": {"code": code, "message": message}}
