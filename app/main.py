"""The application: `create_app(settings)` puts service, routes, errors and pages together."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from starlette.exceptions import HTTPException

from app import __version__
from app.errors import ApiError
from app.serving import garbage, local
from app.serving.measured import Measured
from app.serving.service import Service
from app.settings import Settings
from app.web import about, admin, compare, features, flip, guard, measured, operation, pages, predict, prepare, refusals
from app.web.cors import Cors
from app.web.middleware import Outermost
from app.web.openapi import complete
from app.web.static import Static

DESCRIPTION = (
    "Classic CNNs side by side: send a picture of a digit or of a piece of clothing and get one network's answer, or "
    "those of all beside each other. Pictures are neither stored nor logged."
)


def create_app(settings: Settings | None = None, *, service: Service | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment if not given.

    Loading begins with the application's lifespan. A test may bring its own `service`.
    """
    if service is None:
        service = local.service(settings or Settings(), loaded=garbage.settle)
    app = FastAPI(
        title="Lineup",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # has metrics of its own; asking costs 15 us
        lifespan=_lifespan(service),
        exception_handlers={
            ApiError: refusals.on_api_error,
            RequestValidationError: refusals.on_invalid,
            HTTPException: refusals.on_http_error,
        },
    )
    app.state.service = service
    app.state.measured = Measured(service)
    _guard(app, service)
    for group in (predict, compare, prepare, flip, features, about, measured, operation, admin, pages):
        # As they are: include_router builds each route anew for each application, a twentieth of a second in all.
        app.router.routes.extend(group.router.routes)
    app.mount("/static", Static(pages.STATIC, pages.OWN), name="static")
    app.openapi = _openapi(app, service)  # type: ignore[method-assign]
    return app


def _guard(app: FastAPI, service: Service) -> None:
    """Put round the application what every request passes: the last one is the outermost."""
    settings = service.settings
    if guard.needed(settings):
        app.add_middleware(guard.Guard, settings=settings)
    cors = partial(Cors, settings=settings) if settings.cors_origins.strip() else None
    app.add_middleware(
        Outermost,
        metrics=service.metrics,
        ending=lambda: service.draining,
        cors=cors,
        log_requests=settings.log_requests,
    )


def _lifespan(service: Service) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        fresh = asyncio.create_task(service.metrics.keep_fresh()) if service.metrics.shared else None
        try:
            yield
        finally:
            if fresh is not None:
                fresh.cancel()
            await service.close()
            gc.unfreeze()  # or what ends here would stay for as long as the process

    return lifespan


def _openapi(app: FastAPI, service: Service) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = complete(document, service.engine.names, list(service.engine.datasets))
        return app.openapi_schema

    return openapi
