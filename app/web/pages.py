"""Pages, from the service's own files."""

from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import FileResponse, RedirectResponse

STATIC = Path(__file__).resolve().parents[1] / "static"
DOCS_CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs() -> FileResponse:
    """Swagger UI."""
    return FileResponse(STATIC / "docs" / "index.html", headers={"Content-Security-Policy": DOCS_CSP})


@router.api_route("/", methods=["GET", "HEAD"])
async def home() -> RedirectResponse:
    """There is no page of its own yet: the documentation is it."""
    return RedirectResponse("/docs", 307)
