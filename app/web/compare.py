"""The answers of all networks beside each other, at once or line by line."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import answers
from app.errors import ApiError
from app.serving import assemble
from app.serving.assemble import Answered, Outcome
from app.serving.clock import Clock
from app.serving.intake import Seen
from app.serving.service import Service
from app.web.incoming import by_lines, one_picture, unless_gone
from app.web.media_types import CHECKPOINT, JSON, NDJSON, VARY, Json, line, preferred, server_timing
from app.web.openapi import COMPARISON_ANSWER, PICTURE_BODY, errors
from app.web.parameters import DatasetName, Networks, PreparationName, chosen, service_of
from app.web.record import record_of
from app.web.route import Route

router = APIRouter(tags=["answers"], route_class=Route)


@router.post(
    "/compare",
    operation_id="compare",
    summary="The same picture through all networks",
    response_model=answers.Comparison,
    responses=COMPARISON_ANSWER | errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def compare(
    request: Request,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    models: Networks = None,
) -> Response:
    """Send the picture as for `/predict`.

    With `Accept: application/x-ndjson` the answer comes line by line: a head, one line a network as it finishes, and
    last the agreement.
    """
    service = service_of(request)
    names = chosen(service, models)
    async with one_picture(request, service, dataset, names) as (upload, clock):
        seen = await unless_gone(request, service.see(upload, dataset, clock, prepare, models=names))
    del upload  # its memory is given back by now, and networks may take long
    if preferred(request.headers.get("accept", ""), (JSON, NDJSON)) == NDJSON:
        record_of(request.scope).dataset = seen.dataset
        so_far = server_timing(assemble.intake_timing(seen, clock.total_ms()))
        return await by_lines(request, _lines(service, names, seen, clock), {**VARY, **so_far})
    outcomes = await unless_gone(request, _gather(service, names, seen, clock))
    digests = (f"{name}={one.digest}" for name, one in outcomes.items() if isinstance(one, Answered))
    headers = {CHECKPOINT: ", ".join(digests), **VARY}
    return Json(assemble.comparison(outcomes, seen, clock.total_ms()), headers=headers)


async def _gather(service: Service, names: list[str], seen: Seen, clock: Clock) -> dict[str, Outcome]:
    async with aclosing(service.ask_each(names, seen, clock)) as each:
        outcomes = {name: outcome async for name, outcome in each}
    return {name: outcomes[name] for name in names}


async def _lines(service: Service, names: list[str], seen: Seen, clock: Clock) -> AsyncGenerator[str]:
    """The answer as NDJSON. When the client goes away this is cancelled, and with it what still waits."""
    yield line(answers.ComparisonHead(**assemble.judged(seen), models=names))
    outcomes: dict[str, Outcome] = {}
    async with aclosing(service.ask_each(names, seen, clock)) as each:
        async for name, outcome in each:
            outcomes[name] = outcome
            if isinstance(outcome, ApiError):
                yield line(answers.NetworkError(model=name, error=assemble.detail(outcome)))
            else:
                yield line(outcome.prediction)
    yield line(assemble.tail({name: outcomes[name] for name in names}, seen, clock.total_ms()))
