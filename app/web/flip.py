"""The fewest dabs of ink that flip a network's answer."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response

from app.errors import ApiError, show
from app.flips import Flip, FlipHead
from app.serving import assemble
from app.serving.flipping import Flipping
from app.web.incoming import by_lines, one_picture, unless_gone
from app.web.media_types import CHECKPOINT, JSON, NDJSON, VARY, Json, line, preferred, server_timing
from app.web.openapi import FLIP_ANSWER, PICTURE_BODY, errors
from app.web.parameters import DatasetName, ModelName, PreparationName, asked, service_of
from app.web.record import record_of
from app.web.route import Route

router = APIRouter(tags=["answers"], route_class=Route)

Wanted = Annotated[
    str, Query(description="The class that is wanted: its index, 0 to 9, or its label.", examples=["9", "Ankle boot"])
]


@router.post(
    "/flip",
    operation_id="flip",
    summary="The fewest dabs of ink that flip a network's answer",
    response_model=Flip,
    responses=FLIP_ANSWER | errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def flip(
    request: Request,
    to: Wanted,
    model: ModelName = None,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
) -> Response:
    """Send the picture as for `/predict`.

    The answer comes line by line: a head, a line whenever the search settles on another dab, and last the fewest that
    it found, or its best when the time is over; with `Accept: application/json` this last alone. Dabs are found by
    forward passes alone, while the network has nothing else to do.
    """
    service = service_of(request)
    network = asked(service, model)
    async with one_picture(request, service, dataset, [network]) as (upload, clock):
        seen = await unless_gone(request, service.see(upload, dataset, clock, prepare))
    del upload  # its memory is given back by now, and the search takes long
    wanted = chosen_class(to, service.engine.datasets[seen.dataset].classes)
    flipping = Flipping(service.networks, network, seen, wanted, clock)
    head = await unless_gone(request, flipping.begin())
    record_of(request.scope).dataset = seen.dataset
    headers = {**VARY, CHECKPOINT: flipping.digest}
    if preferred(request.headers.get("accept", ""), (NDJSON, JSON)) == JSON:
        return Json(await unless_gone(request, _last(flipping)), headers)
    so_far = server_timing(assemble.intake_timing(seen, clock.total_ms()))
    return await by_lines(request, _lines(head, flipping), {**headers, **so_far})


def chosen_class(to: str, classes: Sequence[str]) -> int:
    """The index of the class that `to` names, by index or label. Raises ApiError."""
    if to.isascii() and to.isdigit() and len(to) == 1:
        return int(to)
    found = [index for index, label in enumerate(classes) if label.casefold() == to.strip().casefold()]
    if not found:
        there = ", ".join(f"{index} {label}" if label != str(index) else label for index, label in enumerate(classes))
        raise ApiError("invalid_parameter", f"'to' is {show(to)}; it should be one of: {there}")
    return found[0]


async def _last(flipping: Flipping) -> Flip:
    async with aclosing(flipping.lines()) as lines:
        last = [line async for line in lines][-1]
    assert isinstance(last, Flip)
    return last


async def _lines(head: FlipHead, flipping: Flipping) -> AsyncGenerator[str]:
    yield line(head)
    async with aclosing(flipping.lines()) as lines:
        async for told in lines:
            yield line(told)
