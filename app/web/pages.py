"""Pages, from the service's own files."""

import html
import json
import re
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from app.web.media_types import ratings

STATIC = Path(__file__).resolve().parents[1] / "static"
PAGE = STATIC / "page"
OWN = (PAGE / "js", PAGE / "style")  # scripts and sheets of our own: what lies beside them is vendored
# Nothing from another host, no inline script or style, nothing that evaluates text; pictures of the page's own making.
CSP = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

router = APIRouter(include_in_schema=False)


@router.api_route("/docs", methods=["GET", "HEAD"])
async def docs() -> HTMLResponse:
    """Swagger UI."""
    return HTMLResponse(swagger(), headers={"Content-Security-Policy": CSP})


@router.api_route("/", methods=["GET", "HEAD"])
async def home(request: Request, lang: Annotated[str | None, Query()] = None) -> HTMLResponse:
    """The page, in the language that the address names, else the one that the browser prefers of those there are."""
    chosen = lang if lang in languages() else preferred_language(request.headers.get("accept-language", ""))
    return HTMLResponse(page(chosen), headers={"Content-Security-Policy": CSP, "Vary": "Accept-Language"})


@cache
def swagger() -> str:
    """The HTML of Swagger UI."""
    return (STATIC / "docs" / "index.html").read_text("utf-8")


@cache
def languages() -> tuple[str, ...]:
    """The languages that there are texts of, the default first: "en", "zh"."""
    return tuple(sorted(path.stem for path in (PAGE / "text").glob("*.json")))


def preferred_language(accept: str) -> str:
    """Of the languages that there are, the one that an Accept-Language header rates highest (RFC 9110, section 12.5.4);
    "zh-CN" asks for "zh". The default where it names none of them.
    """
    wanted: dict[str, float] = {}
    for tag, rating in ratings(accept).items():
        primary = tag.partition("-")[0]
        wanted[primary] = max(rating, wanted.get(primary, 0.0))
    return max(languages(), key=lambda language: wanted.get(language, 0.0))


@cache
def page(language: str) -> str:
    """The page's HTML in a language: `{{draw.clear}}` is that text, `{{texts}}` are all of them, for its scripts."""
    texts = json.loads((PAGE / "text" / f"{language}.json").read_text("utf-8"))
    # No text may end the script element that holds it.
    known = flat(texts) | {"language": language}
    scripts = json.dumps(known, ensure_ascii=False).replace("<", "\\u003c")

    def put(found: re.Match[str]) -> str:
        return scripts if found[1] == "texts" else html.escape(known[found[1]])

    return re.sub(r"\{\{([\w.-]+)\}\}", put, (PAGE / "index.html").read_text("utf-8"))


def flat(texts: dict[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested texts by their dotted names: {"draw": {"clear": "Clear"}} -> {"draw.clear": "Clear"}."""
    named: dict[str, str] = {}
    for name, value in texts.items():
        named |= flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return named
