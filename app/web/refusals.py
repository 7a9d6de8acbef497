"""Every error as an answer: the service's own, and what the framework refuses."""

import json
from collections.abc import Mapping
from typing import Any

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from app.errors import STATUS, ApiError, body, show
from app.web.record import record_of


class Refusal(JSONResponse):
    """An error as an answer with the status that belongs to its code; `more` goes beside the error in its body."""

    def __init__(
        self,
        code: str,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, Any] | None = None,
    ) -> None:
        own = {"WWW-Authenticate": 'Bearer realm="lineup"'} if code == "unauthorized" else {}
        super().__init__({**body(code, message), **(more or {})}, STATUS[code], headers={**own, **(headers or {})})
        self.code = code

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and tell the request's record."""
        record_of(scope).code = self.code
        await super().__call__(scope, receive, send)


def response(code: str, message: str, *, headers: Mapping[str, str] | None = None) -> Refusal:
    """The error as an answer with the status that belongs to its code."""
    return Refusal(code, message, headers=headers)


async def on_api_error(_: Request, error: Exception) -> JSONResponse:
    """Answer an ApiError."""
    assert isinstance(error, ApiError)
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    return response(error.code, error.message, headers=headers)


async def on_http_error(request: Request, error: Exception) -> JSONResponse:
    """Answer what the framework itself refuses: no such route, no such method."""
    assert isinstance(error, HTTPException)
    if error.status_code == 405:
        allowed = {part.strip() for part in (error.headers or {}).get("Allow", "GET").split(",")}
        told = ", ".join(sorted(allowed | ({"HEAD"} if "GET" in allowed else set())))
        message = f"{show(request.method)} is not possible on {show(request.url.path)}; use {told}"
        return response("method_not_allowed", message, headers={**(error.headers or {}), "Allow": told})
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
