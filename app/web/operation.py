"""How the service is: alive, ready, and in figures."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST

from app import cards
from app.web.openapi import METRICS_ANSWER, NOT_READY_ANSWER, errors
from app.web.parameters import TheService
from app.web.refusals import Refusal
from app.web.route import Route

router = APIRouter(tags=["operation"], route_class=Route)


@router.get(
    "/healthz",
    operation_id="get_health",
    summary="Is the process alive?",
    response_model=cards.Health,
    responses=errors(422, 500),
)
async def get_health() -> dict[str, str]:
    """Answers as soon as the process listens, whatever is loaded."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    operation_id="get_readiness",
    summary="Are the networks loaded and warm?",
    response_model=cards.Readiness,
    responses=NOT_READY_ANSWER | errors(422, 500),
)
async def get_readiness(service: TheService) -> JSONResponse:
    """200 once every checkpoint that is there is warm, and at least one is; 503 before, and where auto or the gate
    failed, a thread no longer works, or the service is draining. A network that is paused since it failed again and
    again is told as failed.
    """
    why = service.unready()
    states = service.states().items()
    listed: dict[str, Any] = {
        "ready": why is None,
        "device": service.engine.device,
        **{name: vars(state) for name, state in service.intake.states.items()},
        "networks": [{"model": model, "dataset": dataset, **vars(s)} for (dataset, model), s in states],
    }
    if why is None:
        return JSONResponse(listed)
    return Refusal("not_ready", why, headers={"Retry-After": "2"}, more=listed)


@router.get(
    "/metrics",
    operation_id="get_metrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses=METRICS_ANSWER | errors(422, 500),
)
async def get_metrics(service: TheService) -> Response:
    """Requests, latencies, queues, batches and pictures, in Prometheus' text format."""
    return Response(await service.parts.told(), media_type=CONTENT_TYPE_LATEST)
