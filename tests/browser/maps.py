"""Feature maps made up for the browser's tests, in the form that POST /features has."""

import base64
import io
import math
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from PIL import Image

from models.compiled import stages

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route


def fake_maps(page: "Page") -> None:
    """Answer what the page asks of /features."""
    page.route("**/features?*", lambda route: route.fulfill(json=features(*asked_of(route))))


def drawn(shape: tuple[int, ...], columns: int) -> str:
    """Maps of that shape, a pixel between two: black and white by turns, of the last one the left half is white."""
    channels, height, width = (*shape, 1, 1)[:3]
    picture = np.zeros((math.ceil(channels / columns) * (height + 1), columns * (width + 1)), np.uint8)
    for index in range(channels):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        white = width * (index % 2) if index < channels - 1 else width // 2
        picture[top : top + height, left : left + white] = 255
    file = io.BytesIO()
    Image.fromarray(picture[:-1, :-1]).save(file, "PNG")
    return base64.b64encode(file.getvalue()).decode()


def features(model: str, stage: str) -> dict[str, Any]:
    """An answer of /features as its contract says, of that part's shape."""
    part = stages.load(model).find(stage)
    assert part is not None
    count, columns = part.shape[0], 4
    each = [{"index": index, "minimum": 0.0, "maximum": 0.5 * index, "mean": 0.25} for index in range(count)]
    places = {"shape": part.shape, "columns": columns, "rows": math.ceil(count / columns)}
    ends = {"minimum": 0.0, "maximum": 0.5 * (count - 1), "channels": each, "png": drawn(part.shape, columns)}
    return {"model": model, "dataset": "mnist", "stage": stage, "normalise": "each", **places, **ends}


def asked_of(route: "Route") -> tuple[str, str]:
    told = parse_qs(urlsplit(route.request.url).query)
    return told["model"][0], told["stage"][0]
