"""Media types: what a body is (RFC 9110, section 8.3), which answer a client wants (12.5.1), and answers in JSON."""

from collections.abc import Mapping, Sequence

from pydantic import BaseModel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from app.web.record import record_of

JSON, NDJSON, PNG = "application/json", "application/x-ndjson", "image/png"
CHECKPOINT = "Lineup-Checkpoint"  # header: the digests of the checkpoints that answered
MAPS = ("Lineup-Columns", "Lineup-Channels", "Lineup-Height", "Lineup-Width")  # headers: where the maps are in a PNG
VARY = {"Vary": "Accept"}  # of answers that another Accept would make another


def essence(header: str) -> str:
    """The media type of a Content-Type header without its parameters, in lower case; "" where there is none."""
    return header.partition(";")[0].strip().lower()


def may_be_picture(media_type: str) -> bool:
    """Whether bytes that are declared as this may be a picture: undeclared, of any image type, or just bytes."""
    return not media_type or media_type.startswith("image/") or media_type == "application/octet-stream"


def preferred(accept: str, offered: Sequence[str]) -> str:
    """The media type of `offered` that an Accept header rates highest; of equals one that it names, else the first, as
    where it allows none.
    """
    rated = ratings(accept)
    return max(offered, key=lambda media_type: _rating(media_type, rated))


def ratings(accept: str) -> dict[str, float]:
    """How much a client wants each of what an Accept header names (types, languages), in lower case, 0 to 1."""
    named: dict[str, float] = {}
    for entry in accept.split(","):
        weight = next((p.strip()[2:] for p in entry.lower().split(";")[1:] if p.strip().startswith("q=")), "1")
        try:
            named[essence(entry)] = min(1.0, max(0.0, float(weight)))
        except ValueError:
            named[essence(entry)] = 0.0
    return named


def _rating(media_type: str, ratings: dict[str, float]) -> tuple[float, bool]:
    """By the narrowest range that holds the type (itself, its kind, or all), and whether that is itself."""
    kind = media_type.partition("/")[0]
    ranges = (media_type, f"{kind}/*", "*/*")
    rating, named = next(((ratings[name], name == media_type) for name in ranges if name in ratings), (0.0, False))
    return rating, named and rating > 0


class Json(Response):
    """An answer as it is sent. It was checked when it was made: FastAPI would check it once more."""

    def __init__(self, answer: BaseModel, headers: Mapping[str, str] | None = None) -> None:
        timing = server_timing(getattr(answer, "timing_ms", None))
        super().__init__(answer.model_dump_json(), media_type=JSON, headers={**(headers or {}), **timing})
        self._dataset: str = getattr(answer, "dataset", "")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and tell the request's record."""
        if self._dataset:  # what an answer does not say, its handler has told
            record_of(scope).dataset = self._dataset
        await super().__call__(scope, receive, send)


def line(value: BaseModel) -> str:
    """A line of NDJSON."""
    return value.model_dump_json() + "\n"


def server_timing(steps: BaseModel | None) -> dict[str, str]:
    """The header that tells browsers and proxies what an answer's steps took (W3C Server Timing)."""
    if steps is None:
        return {}
    # Made of the JSON, {"decode":0.3,...}: pydantic writes numbers in half the time that Python does.
    return {"Server-Timing": steps.model_dump_json()[2:-1].replace('":', ";dur=").replace(',"', ", ")}
