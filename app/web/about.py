"""The routes that tell of the service itself: what is loaded, what the limits are, whether it is alive and ready."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, RedirectResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import cards
from app.errors import body
from app.web.openapi import METRICS_ANSWER, NOT_READY_ANSWER, errors
from app.web.parameters import DEFAULT_MODEL, ModelPath, TheService, check_names

router = APIRouter()


@router.get(
    "/models",
    operation_id="list_models",
    tags=["about"],
    summary="The networks, oldest first",
    response_model=cards.Models,
    responses=errors(500),
)
async def list_models(service: TheService) -> dict[str, Any]:
    """Year, paper, idea, size and accuracy of each network, and which checkpoint is loaded."""
    return {"default": DEFAULT_MODEL, "models": [service.engine.describe(name) for name in service.engine.names]}


@router.get(
    "/models/{name}",
    operation_id="get_model",
    tags=["about"],
    summary="One network",
    response_model=cards.Model,
    responses=errors(404, 500),
)
async def get_model(service: TheService, name: ModelPath) -> dict[str, Any]:
    """The same for one network."""
    check_names(service, "auto", [name])
    return service.engine.describe(name)


@router.get(
    "/datasets",
    operation_id="list_datasets",
    tags=["about"],
    summary="The datasets and their classes",
    response_model=cards.Datasets,
    responses=errors(500),
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
    tags=["about"],
    summary="The limits in force",
    response_model=cards.Limits,
    responses=errors(500),
)
async def get_limits(service: TheService) -> dict[str, Any]:
    """Sizes in bytes and pixels, counts, and times in seconds."""
    return {name: getattr(service.settings, name) for name in cards.Limits.model_fields}


@router.get(
    "/healthz",
    operation_id="get_health",
    tags=["operation"],
    summary="Is the process alive?",
    response_model=cards.Health,
    responses=errors(500),
)
async def get_health() -> dict[str, str]:
    """Answers as soon as the process listens, whatever is loaded."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="get_readiness",
    tags=["operation"],
    summary="Are the networks loaded and warm?",
    response_model=cards.Readiness,
    responses=NOT_READY_ANSWER | errors(500),
)
async def get_readiness(service: TheService) -> JSONResponse:
    """200 once every checkpoint that is there is warm, and at least one is; 503 before."""
    states = service.engine.states()
    listed: dict[str, Any] = {
        "ready": service.ready(),
        "device": str(service.engine.device),
        **{name: vars(state) for name, state in service.small.items()},
        "networks": [{"model": model, "dataset": dataset, **vars(s)} for (dataset, model), s in states.items()],
    }
    if listed["ready"]:
        return JSONResponse(listed)
    loading = sum(state.state == "loading" for state in states.values())
    told = f"{loading} of {len(states)} networks still to load" if loading else "no network could be loaded"
    return JSONResponse({**body("not_ready", told), **listed}, 503, headers={"Retry-After": "2"})


@router.get(
    "/metrics",
    operation_id="get_metrics",
    tags=["operation"],
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=METRICS_ANSWER | errors(500),
)
async def get_metrics(service: TheService) -> Response:
    """Requests, latencies, queues, batches and pictures, in Prometheus' text format."""
    return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)


@router.get("/", include_in_schema=False)
async def home() -> RedirectResponse:
    """There is no page of its own yet: the documentation is it."""
    return RedirectResponse("/docs", 307)
