"""What was measured of the networks, and the test pictures that they got wrong."""

import asyncio
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from app import measurements
from app.errors import ApiError, one_of
from app.serving.measured import Measured
from app.web.openapi import errors
from app.web.parameters import ModelPath, TheService, check_names
from app.web.route import Route

router = APIRouter(tags=["about"], route_class=Route)

Trained = Annotated[str, Query(description="The dataset that the network was trained on.", examples=["mnist"])]


async def _measured(request: Request) -> Measured:
    measured: Measured = request.app.state.measured
    return measured


TheMeasured = Annotated[Measured, Depends(_measured)]


@router.get(
    "/models/{name}/report",
    operation_id="get_report",
    summary="What was measured of a network",
    response_model=measurements.Report,
    responses=errors(401, 404, 422, 429, 500, 503),
)
async def get_report(
    service: TheService, measured: TheMeasured, name: ModelPath, dataset: Trained
) -> measurements.Report:
    """Of the checkpoint that is loaded: accuracy, in all and of each class, the confusion matrix, calibration, the
    learning curve, and accuracy on spoiled pictures. A part that nobody measured is null, and `missing` tells the
    command that does.
    """
    _check(service, dataset, name)
    return await asyncio.to_thread(measured.report, dataset, name)


@router.get(
    "/models/{name}/mistakes",
    operation_id="list_mistakes",
    summary="Test pictures that a network gets wrong",
    response_model=measurements.Mistakes,
    responses=errors(401, 404, 422, 429, 500, 501, 503),
)
async def list_mistakes(
    service: TheService,
    measured: TheMeasured,
    name: ModelPath,
    dataset: Trained,
    true: Annotated[int, Query(alias="is", ge=0, le=9, description="What they are, 0 to 9.", examples=[5])],
    said: Annotated[int, Query(ge=0, le=9, description="What the network says, 0 to 9.", examples=[3])],
    offset: Annotated[int, Query(ge=0, le=1_000_000, description="How many to pass over.", examples=[0])] = 0,
    limit: Annotated[int, Query(ge=1, le=100, description="How many to list at most.", examples=[40])] = 40,
) -> measurements.Mistakes:
    """The pictures behind one field of the confusion matrix, from the dataset's own files where the service has them
    (`LINEUP_DATA_DIR`), in the order of the test set.
    """
    _check(service, dataset, name)
    if true == said:
        raise ApiError("invalid_parameter", f"'is' and 'said' are both '{true}': what was right is no mistake")
    return await asyncio.to_thread(measured.mistakes, dataset, name, true, said, offset, limit)


def _check(service: TheService, dataset: str, name: str) -> None:
    check_names(service, "auto", [name])
    if dataset not in service.engine.datasets:
        raise ApiError("unknown_dataset", one_of("dataset", dataset, service.engine.datasets))
