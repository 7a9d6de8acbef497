"""What the OpenAPI document says there is."""

import json
from functools import cache
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parents[1] / "openapi.json"


@cache
def operations() -> dict[tuple[str, str], list[str]]:
    """Method and path of each route, and the names of its query parameters."""
    paths = json.loads(DOCUMENT.read_text(encoding="utf-8"))["paths"]
    return {
        (method.upper(), path): [one["name"] for one in told.get("parameters", []) if one["in"] == "query"]
        for path, methods in paths.items()
        for method, told in methods.items()
    }
