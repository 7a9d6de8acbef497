"""What is seen of a picture: by the networks, after preparation, and as a whole number."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import readings
from app.serving import assemble
from app.web.incoming import one_picture, unless_gone
from app.web.media_types import CHECKPOINT, JSON, PNG, VARY, Json, preferred, server_timing
from app.web.openapi import PICTURE_BODY, PREPARED_ANSWER, errors
from app.web.parameters import DatasetName, ModelName, Scale, asked, service_of
from app.web.record import record_of
from app.web.route import Route

router = APIRouter(tags=["answers"], route_class=Route)


@router.post(
    "/prepare",
    operation_id="prepare",
    summary="What the networks see of a picture",
    response_model=readings.PreparedPicture,
    responses=PREPARED_ANSWER | errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def prepare(request: Request, dataset: DatasetName = "auto", scale: Scale = 1) -> Response:
    """Send the picture as for `/predict`.

    The answer is the 28x28 picture as PNG; with `Accept: application/json`, its pixels, the steps that made it, and the
    PNG in base64.
    """
    service = service_of(request)
    async with one_picture(request, service, dataset, []) as (upload, clock):
        seen = await unless_gone(request, service.see(upload, dataset, clock))
    if preferred(request.headers.get("accept", ""), (PNG, JSON)) == JSON:
        return Json(assemble.prepared(seen, scale, clock.total_ms()), headers=VARY)
    record_of(request.scope).dataset = seen.dataset
    timing = server_timing(assemble.intake_timing(seen, clock.total_ms()))
    headers = {"Lineup-Dataset": seen.dataset, **VARY, **timing}
    return Response(assemble.png(seen.picture, scale), media_type=PNG, headers=headers)


@router.post(
    "/read",
    operation_id="read",
    summary="The number on a picture",
    response_model=readings.Reading,
    responses=errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def read(request: Request, model: ModelName = None) -> Response:
    """Send the picture as for `/predict`.

    Digits are found line by line and each is read by the network; whatever else stands there (letters, say) is read as
    digits, too.
    """
    service = service_of(request)
    network = asked(service, model)
    async with one_picture(request, service, "mnist", [network]) as (upload, clock):
        read = await unless_gone(request, service.read(upload, network, clock))
    return Json(read.reading, {CHECKPOINT: ", ".join(read.digests)})
