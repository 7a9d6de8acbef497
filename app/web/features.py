"""What a part of a network makes of a picture: its feature maps."""

from fastapi import APIRouter, Request
from fastapi.responses import Response

from app import insides
from app.serving import mosaic
from app.serving.intake import Seen
from app.serving.shown import Shown, as_json, feature_timing
from app.web.incoming import one_picture, unless_gone
from app.web.media_types import CHECKPOINT, JSON, MAPS, PNG, VARY, Json, preferred, server_timing
from app.web.openapi import FEATURES_ANSWER, PICTURE_BODY, errors
from app.web.parameters import (
    DatasetName,
    MapScale,
    ModelName,
    RangeName,
    StageName,
    asked,
    check_names,
    service_of,
)
from app.web.record import record_of
from app.web.route import Route

router = APIRouter(tags=["answers"], route_class=Route)


@router.post(
    "/features",
    operation_id="features",
    summary="The feature maps of a network for a picture",
    response_model=insides.Features,
    responses=FEATURES_ANSWER | errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def features(
    request: Request,
    stage: StageName,
    model: ModelName = None,
    dataset: DatasetName = "auto",
    scale: MapScale = 1,
    normalise: RangeName = "each",
) -> Response:
    """Send the picture as for `/predict`.

    The answer is JSON with a mosaic of all maps as PNG in base64; with `Accept: image/png`, that picture alone. The
    first request for a network may take seconds: a second graph of it is loaded, and made where there is none yet.
    """
    service = service_of(request)
    network = asked(service, model)
    check_names(service, dataset, [network])
    service.features.check(network, stage, scale)
    async with one_picture(request, service, dataset, [network]) as (upload, clock):

        async def show() -> tuple[Seen, Shown]:
            seen = await service.see(upload, dataset, clock)
            return seen, await service.features.show(network, stage, seen, scale, normalise, clock)

        seen, shown = await unless_gone(request, show())
    checkpoint = {CHECKPOINT: shown.digest, **VARY}
    if preferred(request.headers.get("accept", ""), (JSON, PNG)) == JSON:
        return Json(as_json(network, stage, seen, shown, clock.total_ms()), checkpoint)
    record_of(request.scope).dataset = seen.dataset
    timing = server_timing(feature_timing(seen, shown, clock.total_ms()))
    return Response(shown.png, media_type=PNG, headers={**checkpoint, **_told(seen, shown), **timing})


def _told(seen: Seen, shown: Shown) -> dict[str, str]:
    """How to find the maps in the picture."""
    channels, height, width = mosaic.maps_of(shown.shape)
    sizes = mosaic.grid(shown.shape)[1], channels, height, width
    return {"Lineup-Dataset": seen.dataset, **dict(zip(MAPS, map(str, sizes), strict=True))}
