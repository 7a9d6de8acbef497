"""Which pages of other origins may ask the service: none, unless LINEUP_CORS_ORIGINS names them."""

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp

from app.errors import show
from app.settings import Settings, split
from app.web import refusals
from app.web.media_types import CHECKPOINT, MAPS

SENT = ("Authorization", "X-API-Key", "X-Deadline-Ms", "X-Request-Id")  # beside those that any page may send
SHOWN = (CHECKPOINT, "Lineup-Dataset", *MAPS, "Retry-After", "Server-Timing", "X-Request-Id")


class Cors(CORSMiddleware):
    """Starlette's, with refusals in the one shape of errors."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        methods = ("GET", "HEAD", "POST")
        super().__init__(app, split(settings.cors_origins), methods, SENT, expose_headers=SHOWN)

    def preflight_response(self, request_headers: Headers) -> Response:
        """The answer to a browser that asks whether it may ask."""
        answer = super().preflight_response(request_headers)
        if answer.status_code == 200:
            return answer
        told = bytes(answer.body).decode().removeprefix("Disallowed CORS ")
        message = f"pages of {show(request_headers['origin'])} may not ask this: wrong {told}; see LINEUP_CORS_ORIGINS"
        kept = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
        return refusals.response("invalid_parameter", message, headers=kept)
