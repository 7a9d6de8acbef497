"""X-Deadline-Ms: how long a client is willing to wait."""

import math

from fastapi import Request

from app.errors import ApiError, show

HEADER = "X-Deadline-Ms"
_RAW = HEADER.lower().encode()
_DIGITS = 15  # a longer number is a longer time than any server's


def limit_s(request: Request) -> float:
    """Seconds that the client gives its answer; infinity where it does not say. Raises ApiError for what is no time."""
    sent = [value.decode("latin-1") for name, value in request.scope["headers"] if name == _RAW]
    if not sent:
        return math.inf
    value = sent[0].strip()
    if len(sent) > 1 or not (value.isascii() and value.isdigit() and value.strip("0")):
        wanted = "it should be a whole number of milliseconds, 1 or more, once"
        raise ApiError("invalid_parameter", f"the header {HEADER} is {show(', '.join(sent))}; {wanted}")
    return int(value) / 1000 if len(value) <= _DIGITS else math.inf
