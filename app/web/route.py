"""A route as all of the API's are: it answers HEAD as GET, and refuses parameters that it does not know."""

from collections.abc import Callable, Coroutine, Iterator
from typing import Any

from fastapi import Request, Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.types import Receive, Scope, Send

from app.errors import ApiError, show


class Route(APIRoute):
    """One path and method of the API. What it knows is found once, when it is made."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """What answers a request, after a look at the names of its query parameters."""
        handle = super().get_route_handler()
        known = tuple(dict.fromkeys(_query_names(self.dependant)))

        async def checked(request: Request) -> Response:
            if request.scope["query_string"]:
                _check(request, known)
            return await handle(request)

        return checked

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. A HEAD is a GET whose body the server keeps to itself."""
        if scope["method"] == "HEAD" and "GET" in (self.methods or ()):
            scope = {**scope, "method": "GET"}
        await super().handle(scope, receive, send)


def _query_names(dependant: Dependant) -> Iterator[str]:
    for field in dependant.query_params:
        yield field.alias
    for each in dependant.dependencies:
        yield from _query_names(each)


def _check(request: Request, known: tuple[str, ...]) -> None:
    """Raise ApiError for a parameter that is not known, or given twice: one of two values would be ignored."""
    given: set[str] = set()
    for name, _ in request.query_params.multi_items():
        if name not in known:
            there = f"there are: {', '.join(known)}" if known else "this route takes none"
            raise ApiError("invalid_parameter", f"no parameter {show(name)}; {there}")
        if name in given:
            raise ApiError("invalid_parameter", f"the parameter {show(name)} is there twice; give it once")
        given.add(name)
