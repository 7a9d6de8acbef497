"""When a client tries again, when it gives up, and the errors that say why."""

import random
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
from pydantic import ValidationError

from app.answers import ErrorBody

ALLOWANCE_S = 0.5  # longer than the service may take, so that its refusal still comes in words
FIRST_PAUSE_S = 0.1  # where the service does not say how long; doubled each time
SHOWN = 300  # characters of an answer that is no error of Lineup's
FAILURES = (httpx.HTTPError, httpx.InvalidURL, UnicodeError, TimeoutError)  # of httpx, idna and anyio
_BROKEN = (httpx.NetworkError, httpx.RemoteProtocolError)  # what may be otherwise a moment later


class LineupError(Exception):
    """No answer. `code` is for programs, `message` for people; `status` is HTTP's, None where nothing came back;
    `retry_after` is in seconds; the service's log knows the request as `request_id`.
    """

    def __init__(
        self,
        message: str,
        code: str = "",
        *,
        status: int | None = None,
        retry_after: float | None = None,
        request_id: str | None = None,
    ) -> None:
        super().__init__(f"{code}: {message}" if code else message)
        self.message, self.code, self.status = message, code, status
        self.retry_after, self.request_id = retry_after, request_id


class ServiceError(LineupError):
    """The service refused, and said why; code `unexpected`: something answered that is no Lineup."""


class Unreachable(LineupError):
    """Nobody answered, or the answer broke off."""

    def __init__(self, message: str, code: str = "unreachable", **known: Any) -> None:
        super().__init__(message, code, **known)


class DeadlineExceeded(LineupError):
    """Not in time: as the service says (`status` is 504), or as the client's own clock does."""

    def __init__(self, message: str, code: str = "deadline_exceeded", **known: Any) -> None:
        super().__init__(message, code, **known)


class Attempts:
    """How often and how long one call is tried; `deadline_s` is for all attempts and pauses together."""

    def __init__(self, url: str, deadline_s: float, retries: int) -> None:
        self._url, self._deadline_s, self._retries = url, deadline_s, retries
        self._until = time.monotonic() + deadline_s
        self._pause = FIRST_PAUSE_S

    def left(self) -> float:
        """Seconds until this side gives up."""
        return max(0.0, self._until - time.monotonic()) + ALLOWANCE_S

    def headers(self) -> dict[str, str]:
        """How long the service may take from now."""
        return {"X-Deadline-Ms": str(max(1, round(1e3 * (self.left() - ALLOWANCE_S))))}

    def check(self) -> None:
        """Raises TimeoutError where there is no time left."""
        if time.monotonic() > self._until + ALLOWANCE_S:
            raise TimeoutError

    def pause(self, failure: Exception) -> float:
        """Seconds until the next attempt after this failure. Raises the LineupError that it is, if it is the last."""
        error = self.meant(failure)
        wait = self._pause if error.retry_after is None else error.retry_after
        wait *= random.uniform(1, 1.1)  # or all who were refused together would come back together
        if not self._retries or not _may_pass(error, failure) or time.monotonic() + wait >= self._until:
            raise error from (None if error is failure else failure)
        self._retries -= 1
        self._pause *= 2
        return wait

    def meant(self, failure: Exception) -> LineupError:
        """What a failure of whoever carries requests means to who asked."""
        if isinstance(failure, LineupError):
            return failure
        if isinstance(failure, httpx.TimeoutException | TimeoutError):
            return DeadlineExceeded(f"no answer from {self._url} within {self._deadline_s:g} s")
        return Unreachable(f"no answer from {self._url}: {failure or type(failure).__name__}")


def refusal(response: httpx.Response, content: bytes) -> LineupError:
    """The error that an answer is."""
    try:
        error = ErrorBody.model_validate_json(content).error
        code, message = error.code, error.message
    except ValidationError:
        code, message = "unexpected", content[:SHOWN].decode("utf-8", "replace") or response.reason_phrase
    kind = DeadlineExceeded if code == "deadline_exceeded" else ServiceError
    return kind(
        message,
        code,
        status=response.status_code,
        retry_after=_seconds(response.headers.get("retry-after")),
        request_id=response.headers.get("x-request-id"),
    )


def _may_pass(error: LineupError, failure: Exception) -> bool:
    """Whether the same may be answered a moment later."""
    if error.status in (429, 503):  # what is missing stays so, unless the service says until when
        return error.code != "model_unavailable" or error.retry_after is not None
    if error.status in (500, 502, 504) and error.code == "unexpected":
        return True  # a proxy's words, whose server went away with the request
    return isinstance(failure, _BROKEN)


def _seconds(retry_after: str | None) -> float | None:
    """What a Retry-After header says (RFC 9110, 10.2.3): seconds, or a date."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            return float(retry_after)
        return max(0.0, (parsedate_to_datetime(retry_after) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):  # neither, or a date without a zone
        return None
