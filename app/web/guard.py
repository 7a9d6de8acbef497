"""Who may ask, and how often: before a route is looked for or a byte of a body is read."""

import math
import time

from starlette.types import ASGIApp, Receive, Scope, Send

from app.settings import Settings
from app.web import refusals
from app.web.keys import HOW, Keys
from app.web.rate import RateLimit, network

# Probes and scrapers have no keys and must never wait. A browser cannot send a key for a page, which holds nothing that
# is not in this repository; it is where one enters it.
OPEN = frozenset(("/", "/docs", "/openapi.json", "/healthz", "/readyz", "/metrics"))
OPEN_BELOW = "/static/"


class Guard:
    """ASGI middleware: refuses who has no key, where there are keys, and who asks too often, where there is a limit.

    What is not named as open is closed, routes that are yet to come too.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        # The administrator's opens clients' routes, too; alone it closes none.
        self._keys = Keys(settings.api_key, settings.admin_key) if settings.api_key else None
        self._limit = RateLimit(settings.rate_limit, settings.rate_burst) if settings.rate_limit else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request pass, or refuse it."""
        if scope["type"] == "http" and not _is_open(scope) and (refusal := self._refusal(scope)):
            await refusal(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    def _refusal(self, scope: Scope) -> refusals.Refusal | None:
        key = self._keys.find(scope["headers"]) if self._keys else None
        if self._limit is not None:  # first, so that keys cannot be tried without end
            client = network(scope["client"][0]) if key is None and scope.get("client") else key
            if wait := math.ceil(self._limit.wait(client, time.monotonic())):
                whose = "this address" if key is None else "this key"
                told = f"{whose} sent more than {self._limit.rate:g} requests a second; try again in {wait} s"
                return refusals.response("rate_limited", told, headers={"Retry-After": str(wait)})
        if self._keys is not None and key is None:
            return refusals.response("unauthorized", f"there is no key in the request, or a wrong one; {HOW}")
        return None


def needed(settings: Settings) -> bool:
    """Whether there is anything to guard."""
    return bool(settings.api_key or settings.rate_limit)


def _is_open(scope: Scope) -> bool:
    path: str = scope["path"].removeprefix(scope.get("root_path", ""))
    return path in OPEN or path.startswith(OPEN_BELOW)
