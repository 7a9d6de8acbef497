"""One network's answer: for a picture, and for many."""

from fastapi import APIRouter, Request, Response

from app import answers
from app.errors import ApiError
from app.serving import assemble
from app.serving.assemble import Answered, Outcome
from app.uploads import Share
from app.web.body import read_many
from app.web.incoming import checked, one_picture, unless_gone
from app.web.media_types import CHECKPOINT, Json
from app.web.openapi import BATCH_BODY, PICTURE_BODY, errors
from app.web.parameters import DatasetName, ModelName, PreparationName, TopK, asked, service_of
from app.web.route import Route

router = APIRouter(tags=["answers"], route_class=Route)


@router.post(
    "/predict",
    operation_id="predict",
    summary="One network's answer for a picture",
    response_model=answers.Prediction,
    responses=errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def predict(
    request: Request,
    model: ModelName = None,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    top_k: TopK = 10,
) -> Response:
    """Send the picture as multipart field `file`, or as the raw body with its `image/*` content type."""
    service = service_of(request)
    network = asked(service, model)
    async with one_picture(request, service, dataset, [network]) as (upload, clock):

        async def ask() -> Answered:
            seen = await service.see(upload, dataset, clock, prepare, models=[network])
            return await service.ask(network, seen, top_k, clock)

        answer = await unless_gone(request, ask())
        return Json(answer.prediction, {CHECKPOINT: answer.digest})


@router.post(
    "/predict/batch",
    operation_id="predict_batch",
    summary="One network's answers for many pictures",
    response_model=answers.BatchAnswer,
    responses=errors(401, 404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=BATCH_BODY,
)
async def predict_batch(
    request: Request,
    model: ModelName = None,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    top_k: TopK = 10,
) -> Response:
    """Send the pictures as multipart field `files`. Each gets its answer or its own error, in the order sent."""
    service = service_of(request)
    network = asked(service, model)
    start = checked(request, service, dataset, [network])
    with Share(service.memory) as share:
        uploads = await read_many(request, service.settings, share)
        clock = start()
        outcomes = await unless_gone(request, service.ask_many(network, uploads, dataset, top_k, clock, prepare))
    results = [_item(outcome) for outcome in outcomes]
    timing = answers.BatchTotal(total=clock.total_ms())
    digests = sorted({outcome.digest for outcome in outcomes if isinstance(outcome, Answered)})
    headers = {CHECKPOINT: ", ".join(digests)} if digests else {}
    return Json(answers.BatchAnswer(model=network, results=results, timing_ms=timing), headers)


def _item(outcome: Outcome) -> answers.Prediction | answers.ErrorBody:
    if isinstance(outcome, ApiError):
        return answers.ErrorBody(error=assemble.detail(outcome))
    return outcome.prediction
