"""The routes that answer pictures: what is asked, checked against what there is, and handed to the service."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import aclosing
from typing import Any, TypeVar

from fastapi import APIRouter, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import BaseModel
from starlette.requests import ClientDisconnect

from app import answers
from app.errors import ApiError
from app.serving import assemble
from app.serving.intake import Seen
from app.serving.service import Clock, Outcome, Service
from app.web.body import Share, read_many, read_one
from app.web.media_types import preferred
from app.web.openapi import BATCH_BODY, COMPARISON_ANSWER, PICTURE_BODY, PREPARED_ANSWER, errors
from app.web.parameters import (
    DEFAULT_MODEL,
    DatasetName,
    ModelName,
    Networks,
    PreparationName,
    Scale,
    TheService,
    TopK,
    check_names,
    chosen,
)

T = TypeVar("T")
JSON, NDJSON, PNG = "application/json", "application/x-ndjson", "image/png"
VARY = {"Vary": "Accept"}  # the same request with another Accept has another answer

router = APIRouter()


@router.post(
    "/predict",
    operation_id="predict",
    tags=["answers"],
    summary="One network's answer for a picture",
    response_model=answers.Prediction,
    responses=errors(404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def predict(
    request: Request,
    service: TheService,
    model: ModelName = DEFAULT_MODEL,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    top_k: TopK = 10,
) -> answers.Prediction:
    """Send the picture as multipart field `file`, or as the raw body with its `image/*` content type."""
    check_names(service, dataset, [model])
    with Share(service.memory) as share:
        sent = await read_one(request, service.settings, share)
        clock = service.clock()

        async def answer() -> answers.Prediction:
            return await service.ask(model, await service.look(sent, dataset, clock, prepare), top_k, clock)

        return await _unless_gone(request, answer())


@router.post(
    "/predict/batch",
    operation_id="predict_batch",
    tags=["answers"],
    summary="One network's answers for many pictures",
    response_model=answers.BatchAnswer,
    responses=errors(404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=BATCH_BODY,
)
async def predict_batch(
    request: Request,
    service: TheService,
    model: ModelName = DEFAULT_MODEL,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    top_k: TopK = 10,
) -> answers.BatchAnswer:
    """Send the pictures as multipart field `files`. Each gets its answer or its own error, in the order sent."""
    check_names(service, dataset, [model])
    with Share(service.memory) as share:
        sent = await read_many(request, service.settings, share)
        clock = service.clock()
        outcomes = await _unless_gone(request, service.ask_many(model, sent, dataset, top_k, clock, prepare))
    return answers.BatchAnswer(
        model=model,
        results=[_item(outcome) for outcome in outcomes],
        timing_ms=answers.BatchTotal(total=clock.total_ms()),
    )


@router.post(
    "/compare",
    operation_id="compare",
    tags=["answers"],
    summary="The same picture through all networks",
    response_model=answers.Comparison,
    responses=COMPARISON_ANSWER | errors(404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def compare(
    request: Request,
    response: Response,
    service: TheService,
    dataset: DatasetName = "auto",
    prepare: PreparationName = "auto",
    models: Networks = None,
) -> answers.Comparison | Response:
    """Send the picture as for `/predict`.

    With `Accept: application/x-ndjson` the answer comes line by line: a head, one line a network as it finishes, and
    last the agreement.
    """
    names = chosen(service, models)
    check_names(service, dataset, names)
    with Share(service.memory) as share:
        sent = await read_one(request, service.settings, share)
        clock = service.clock()
        seen = await _unless_gone(request, service.look(sent, dataset, clock, prepare))
    if preferred(request.headers.get("accept", ""), (JSON, NDJSON)) == NDJSON:
        return StreamingResponse(_lines(service, names, seen, clock), media_type=NDJSON, headers=VARY)
    response.headers.update(VARY)
    outcomes = await _unless_gone(request, _gather(service, names, seen, clock))
    return assemble.comparison(outcomes, seen, clock.total_ms())


@router.post(
    "/prepare",
    operation_id="prepare",
    tags=["answers"],
    summary="What the networks see of a picture",
    response_model=answers.PreparedPicture,
    responses=PREPARED_ANSWER | errors(404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def prepare(
    request: Request, response: Response, service: TheService, dataset: DatasetName = "auto", scale: Scale = 1
) -> answers.PreparedPicture | Response:
    """Send the picture as for `/predict`.

    The answer is the 28x28 picture as PNG; with `Accept: application/json`, its pixels, the steps that made it, and the
    PNG in base64.
    """
    check_names(service, dataset, [])
    with Share(service.memory) as share:
        sent = await read_one(request, service.settings, share)
        clock = service.clock()
        seen = await _unless_gone(request, service.look(sent, dataset, clock))
    if preferred(request.headers.get("accept", ""), (PNG, JSON)) == JSON:
        response.headers.update(VARY)
        return assemble.prepared(seen, scale, clock.total_ms())
    headers = {"Lineup-Dataset": seen.dataset, **VARY}
    return Response(assemble.png(seen.picture, scale), media_type=PNG, headers=headers)


@router.post(
    "/read",
    operation_id="read",
    tags=["answers"],
    summary="The number on a picture",
    response_model=answers.Reading,
    responses=errors(404, 413, 415, 422, 429, 500, 503, 504),
    openapi_extra=PICTURE_BODY,
)
async def read(request: Request, service: TheService, model: ModelName = DEFAULT_MODEL) -> answers.Reading:
    """Send the picture as for `/predict`.

    Digits are found line by line and each is read by the network; whatever else stands there (letters, say) is read as
    digits, too.
    """
    check_names(service, "mnist", [model])
    with Share(service.memory) as share:
        sent = await read_one(request, service.settings, share)
        return await _unless_gone(request, service.read(sent, model, service.clock()))


async def _gather(service: Service, names: list[str], seen: Seen, clock: Clock) -> dict[str, Outcome]:
    async with aclosing(service.ask_each(names, seen, clock)) as each:
        outcomes = {name: outcome async for name, outcome in each}
    return {name: outcomes[name] for name in names}


async def _lines(service: Service, names: list[str], seen: Seen, clock: Clock) -> AsyncIterator[str]:
    """The answer of /compare as NDJSON. When the client goes away this is cancelled, and with it what still waits."""
    yield _line(answers.ComparisonHead(**assemble.judged(seen), models=names))
    outcomes: dict[str, Outcome] = {}
    async with aclosing(service.ask_each(names, seen, clock)) as each:
        async for name, outcome in each:
            outcomes[name] = outcome
            if isinstance(outcome, ApiError):
                yield _line(answers.NetworkError(model=name, error=_detail(outcome)))
            else:
                yield _line(outcome)
    yield _line(assemble.tail({name: outcomes[name] for name in names}, seen, clock.total_ms()))


def _line(value: BaseModel) -> str:
    return value.model_dump_json() + "\n"


def _detail(error: ApiError) -> answers.ErrorDetail:
    return answers.ErrorDetail(code=error.code, message=error.message)


def _item(outcome: Outcome) -> answers.Prediction | answers.ErrorBody:
    return answers.ErrorBody(error=_detail(outcome)) if isinstance(outcome, ApiError) else outcome


async def _unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Do the work, but stop when the client goes away, so that nothing is computed for nobody."""
    task = asyncio.create_task(work)
    gone = asyncio.create_task(_disconnect(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if task.done():
            return task.result()
        raise ClientDisconnect
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.gather(task, gone, return_exceptions=True)


async def _disconnect(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
