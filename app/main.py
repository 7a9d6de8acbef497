"""The application: `create_app(settings)` puts service, routes, errors and pages together."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.responses import FileResponse
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from app import __version__, errors
from app.serving.engine import Engine
from app.serving.service import Service
from app.settings import Settings
from app.web import about, pictures
from app.web.middleware import Outermost
from app.web.openapi import complete

STATIC = Path(__file__).resolve().parent / "static"
DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
DESCRIPTION = (
    "Seven classic CNNs side by side: send a picture of a digit or of a piece of clothing and get one network's "
    "answer, or all seven beside each other. Pictures are neither stored nor logged."
)


def create_app(settings: Settings | None = None, *, service: Service | None = None) -> FastAPI:
    """The service as an ASGI application; settings come from the environment if not given.

    Loading begins with the application's lifespan. A test may bring its own `service`.
    """
    if service is None:
        settings = settings or Settings()
        service = Service(settings, Engine(settings))
    app = FastAPI(
        title="Lineup",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_lifespan(service),
        exception_handlers={
            errors.ApiError: errors.on_api_error,
            RequestValidationError: errors.on_invalid,
            HTTPException: errors.on_http_error,
        },
    )
    app.state.service = service
    app.add_middleware(Outermost, metrics=service.metrics)
    app.include_router(pictures.router)
    app.include_router(about.router)
    app.add_api_route("/docs", _docs, include_in_schema=False)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.openapi = _openapi(app, service)  # type: ignore[method-assign]
    return app


def _lifespan(service: Service) -> Callable[[FastAPI], Any]:
    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await service.start()
        try:
            yield
        finally:
            await service.close()

    return lifespan


def _openapi(app: FastAPI, service: Service) -> Callable[[], dict[str, Any]]:
    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            document = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
            app.openapi_schema = complete(document, service.engine.names, list(service.engine.datasets))
        return app.openapi_schema

    return openapi


async def _docs() -> FileResponse:
    """Swagger UI from the service's own files."""
    return FileResponse(STATIC / "docs" / "index.html", headers={"Content-Security-Policy": DOCS_CSP})
