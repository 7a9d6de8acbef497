"""What there is: networks, datasets, limits."""

from typing import Any

from fastapi import APIRouter, Response

from app import cards, insides
from app.web.media_types import Json
from app.web.openapi import errors
from app.web.parameters import ModelPath, TheService, check_names, default_model
from app.web.route import Route

router = APIRouter(tags=["about"], route_class=Route)


@router.get(
    "/models",
    operation_id="list_models",
    summary="The networks, oldest first",
    response_model=cards.Models,
    responses=errors(401, 422, 429, 500),
)
async def list_models(service: TheService) -> dict[str, Any]:
    """Year, paper, idea, size and accuracy of each network, and which checkpoint is loaded."""
    names = service.engine.names
    return {"default": default_model(names), "models": [service.engine.describe(name) for name in names]}


@router.get(
    "/models/{name}",
    operation_id="get_model",
    summary="One network",
    response_model=cards.Model,
    responses=errors(401, 404, 422, 429, 500),
)
async def get_model(service: TheService, name: ModelPath) -> dict[str, Any]:
    """The same for one network."""
    check_names(service, "auto", [name])
    return service.engine.describe(name)


@router.get(
    "/models/{name}/stages",
    operation_id="get_stages",
    summary="What a network is made of",
    response_model=insides.Stages,
    responses=errors(401, 404, 422, 429, 500, 503),
)
async def get_stages(service: TheService, name: ModelPath) -> Response:
    """Its stages and their layers in the order in which they compute: what each is, the shape of its output, and its
    parameters and multiply-adds, which add up to those of the network. Of a block with branches, each path is a row,
    and what joins them another.
    """
    check_names(service, "auto", [name])
    return Json(service.features.stages(name))


@router.get(
    "/datasets",
    operation_id="list_datasets",
    summary="The datasets and their classes",
    response_model=cards.Datasets,
    responses=errors(401, 422, 429, 500),
)
async def list_datasets(service: TheService) -> cards.Datasets:
    """What the networks were trained on."""
    known = service.engine.datasets.values()
    return cards.Datasets(
        datasets=[
            cards.DatasetInfo(name=d.name, title=d.title, classes=list(d.classes), source=d.source) for d in known
        ]
    )


@router.get(
    "/limits",
    operation_id="get_limits",
    summary="The limits in force",
    response_model=cards.Limits,
    responses=errors(401, 422, 429, 500),
)
async def get_limits(service: TheService) -> dict[str, Any]:
    """Sizes in bytes and pixels, counts, and times in seconds."""
    return {name: getattr(service.settings, name) for name in cards.Limits.model_fields}
