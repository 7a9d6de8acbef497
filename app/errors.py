"""The one shape of every error: `{"error": {"code": ..., "message": ...}}`."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

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
    "internal": 500,
    "not_ready": 503,
    "model_unavailable": 503,
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


def response(code: str, message: str, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The error as an answer with the status that belongs to its code."""
    return JSONResponse(body(code, message), STATUS[code], headers=dict(headers or {}))


async def on_api_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an ApiError."""
    assert isinstance(error, ApiError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return response(error.code, error.message, headers=headers)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework itself refuses: no such route, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        headers = {"Allow": "GET, HEAD", **(error.headers or {})}
        message = f"{show(request.method)} is not possible on {show(request.url.path)}; use {headers['Allow']}"
        return response("method_not_allowed", message, headers=headers)
    if error.status_code == 404:
        return response("not_found", f"nothing at {show(request.url.path)}; see /docs for what there is")
    code = "internal" if error.status_code >= 500 else "invalid_parameter"
    return JSONResponse(body(code, str(error.detail)), error.status_code, headers=dict(error.headers or {}))


async def on_invalid(_: Request, error: Exception) -> JSONResponse:
    """Answer a parameter that the framework could not read: name it, its value and what would be right."""
    assert isinstance(error, RequestValidationError)
    return response("invalid_parameter", "; ".join(_explain(problem) for problem in error.errors()))


def _explain(problem: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in problem["loc"][1:]) or str(problem["loc"][0])
    if problem["type"] == "missing":
        return f"{show(name)} is missing"
    should = str(problem["msg"]).replace("Input should be", "it should be", 1)
    return f"{show(name)} is {show(_plain(problem['input']))}; {should}"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
