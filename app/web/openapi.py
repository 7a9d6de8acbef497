"""What the OpenAPI document says beyond the types: request bodies, every error, an example for every answer."""

import json
from collections.abc import Sequence
from typing import Any

from app import answers, cards, flips
from app.errors import STATUS, body
from app.web.keys import HOW
from app.web.parameters import default_model

Json = dict[str, Any]

_MESSAGES = {
    "unknown_model": "no network 'resnet19'; there are: lenet, alexnet, nin, vgg11, googlenet, resnet18, densenet",
    "unknown_dataset": "no dataset 'cifar'; there are: auto, mnist, fashion-mnist",
    "too_large": "the upload has 31457280 bytes; at most 20971520 are taken",
    "too_many_pixels": "the picture has 10000x6000 pixels; at most 50000000 are opened",
    "unsupported_type": "the bytes are a PDF, not a picture; send a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC",
    "undecodable": "the bytes are no picture that can be opened; send a PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC",
    "nothing_found": "the picture is blank: ink and ground differ by 1.2%, at least 6% are needed",
    "invalid_parameter": "'top_k' is '11'; it should be less than or equal to 10",
    "queue_full": "256 pictures are waiting already, for vgg11; try again in 3 s",
    "rate_limited": "this address sent more than 10 requests a second; try again in 1 s",
    "unauthorized": f"there is no key in the request, or a wrong one; {HOW}",
    "internal": "the service failed; its log says more under request 8f0c6d3e5a7b9c8d",
    "not_available": "where lenet is wrong on mnist is not recorded; lineup evaluate --mistakes --model lenet "
    "--dataset mnist records it",
    "not_ready": "vgg11 for mnist is still loading; try again shortly",
    "model_unavailable": "vgg11 for mnist is missing: there is no mnist/vgg11.lineup in the folder of checkpoints; "
    "`lineup train --model vgg11 --dataset mnist` makes it",
    "too_many_connections": "8192 connections are open already; try again later",
    "deadline_exceeded": "there was no answer within 10 s",
}
_DESCRIPTIONS = {
    401: "No key, or a wrong one, where `LINEUP_API_KEY` is set.",
    404: "No such network or dataset.",
    413: "Too many bytes, files or pixels.",
    415: "Declared or found to be something other than a picture.",
    422: "A wrong parameter, or a picture that cannot be opened or holds nothing.",
    429: "Too many requests wait already, or came from this client; `Retry-After` says after how many seconds to try.",
    500: "The service failed.",
    501: "Not to be had here; the message says what is missing.",
    503: "Still loading, or there is no checkpoint, or too many connections are open.",
    504: "No answer before the deadline.",
}
_FRAMEWORKS_OWN = ("HTTPValidationError", "ValidationError")
_NDJSON_LINES: tuple[Json, ...] = (
    answers.COMPARISON_HEAD,
    answers.PREDICTION,
    {"model": "vgg11", **answers.ERROR},
    answers.COMPARISON_TAIL,
)

_KEYS: Json = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "Where the service asks for a key."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same, as another header."},
}
_BYTES: Json = {"type": "string", "format": "binary"}
_RAW: Json = {"schema": {**_BYTES, "description": "The picture's bytes."}}


def _form(field: str, schema: Json, description: str) -> Json:
    described = {**schema, "description": description}
    return {"schema": {"type": "object", "required": [field], "properties": {field: described}}}


_DEADLINE: Json = {
    "name": "X-Deadline-Ms",
    "in": "header",
    "description": "Milliseconds that the client waits for its answer once the upload is whole; shortens the service's "
    "own deadline and never lengthens it. A late answer is 504, and no network is asked for it any more.",
    "schema": {"type": "integer", "minimum": 1, "examples": [500]},
}
PICTURE_BODY: Json = {
    "parameters": [_DEADLINE],
    "requestBody": {
        "required": True,
        "description": "PNG, JPEG, WebP, GIF, BMP, TIFF, AVIF or HEIC: as a form, or as the raw body.",
        "content": {
            "multipart/form-data": _form("file", _BYTES, "The picture."),
            "image/*": _RAW,
            "application/octet-stream": _RAW,
        },
    },
}
BATCH_BODY: Json = {
    "parameters": [_DEADLINE],
    "requestBody": {
        "required": True,
        "description": "Pictures as for `/predict`; how many and how large, `/limits` says.",
        "content": {
            "multipart/form-data": _form("files", {"type": "array", "items": _BYTES}, "The pictures, in order.")
        },
    },
}
COMPARISON_ANSWER: dict[int | str, Json] = {
    200: {
        "description": "The answers beside each other, or line by line as they come.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A head, one line a network, and last the agreement."},
                "example": "".join(json.dumps(line) + "\n" for line in _NDJSON_LINES),
            }
        },
    }
}
FLIP_ANSWER: dict[int | str, Json] = {
    200: {
        "description": "Line by line as the search goes on, or the last line alone.",
        "content": {
            "application/x-ndjson": {
                "schema": {"type": "string", "description": "A head, a line for each step, and last the fewest dabs."},
                "example": "".join(
                    json.dumps(line) + "\n" for line in (flips.FLIP_HEAD, flips.FLIP_STEP, flips.FLIP_END)
                ),
            }
        },
    }
}
PREPARED_ANSWER: dict[int | str, Json] = {
    200: {
        "description": "The picture as PNG, or with `Accept: application/json` everything about it.",
        "headers": {
            "Lineup-Dataset": {
                "description": "Beside a PNG: the dataset that it was prepared for.",
                "schema": {"type": "string", "examples": ["mnist"]},
            }
        },
        "content": {"image/png": {"schema": _BYTES, "example": "28x28 grey pixels, or as many times as `scale` says"}},
    }
}
FEATURES_ANSWER: dict[int | str, Json] = {
    200: {
        "description": "The feature maps told and drawn, or with `Accept: image/png` all of them as one picture.",
        "headers": {
            name: {"description": f"Beside a PNG: {told}.", "schema": {"type": "string", "examples": [value]}}
            for name, told, value in (
                ("Lineup-Dataset", "the dataset that it was prepared for", "mnist"),
                ("Lineup-Columns", "maps beside each other", "12"),
                ("Lineup-Channels", "how many maps, in order", "128"),
                ("Lineup-Height", "of a map in values; with `scale`, as many times more pixels", "12"),
                ("Lineup-Width", "of a map in values; with `scale`, as many times more pixels", "12"),
            )
        },
        "content": {"image/png": {"schema": _BYTES, "example": "a grey mosaic, with a black pixel between two maps"}},
    }
}
METRICS_ANSWER: dict[int | str, Json] = {
    200: {
        "description": "Prometheus' text format.",
        "content": {
            "text/plain": {
                "schema": {"type": "string"},
                "example": 'lineup_requests_total{code="ok",model="lenet",route="/predict",status="200"} 12.0\n',
            }
        },
    }
}
NOT_READY_ANSWER: dict[int | str, Json] = {
    503: {"model": cards.NotReady, "description": "Not ready: the body lists every network's state."}
}


def errors(*statuses: int) -> dict[int | str, Json]:
    """The error answers of a route: for each status an example of each code that belongs to it."""
    return {status: _error(status) for status in statuses}


def complete(document: Json, networks: Sequence[str], datasets: Sequence[str]) -> Json:
    """Add to FastAPI's document the names that there are, and each answer's example where tools look for it."""
    components = document["components"]["schemas"]
    document["components"]["securitySchemes"] = _KEYS
    for path in document["paths"].values():
        for operation in path.values():
            if "401" in operation["responses"]:
                operation["security"] = [{}, *({name: []} for name in _KEYS)]
            for parameter in operation.get("parameters", []):
                _offer(parameter["name"], parameter["schema"], networks, datasets)
            operation["responses"] = {s: a for s, a in operation["responses"].items() if not _is_frameworks_own(a)}
            for answer in operation["responses"].values():
                _add_example(answer.get("content", {}).get("application/json", {}), components)
    for name in _FRAMEWORKS_OWN:
        components.pop(name, None)
    return document


def _offer(name: str, schema: Json, networks: Sequence[str], datasets: Sequence[str]) -> None:
    """Say in a parameter's schema what may be chosen where this application is served, and what it is by default."""
    if name == "model":
        default = default_model(networks)
        schema |= {"enum": [*networks], "default": default, "examples": [default]}
    elif name == "dataset":
        schema["enum"] = [*(["auto"] if schema.get("default") == "auto" else []), *datasets]


def _is_frameworks_own(answer: Json) -> bool:
    # FastAPI adds its own shape of 422 to routes that declare none; on_invalid never lets it out.
    reference = answer.get("content", {}).get("application/json", {}).get("schema", {}).get("$ref", "")
    return reference.rpartition("/")[2] in _FRAMEWORKS_OWN


def _error(status: int) -> Json:
    codes = [code for code, value in STATUS.items() if value == status and code in _MESSAGES]
    examples = {code: {"value": body(code, _MESSAGES[code])} for code in codes}
    content = {"application/json": {"examples": examples}}
    return {"model": answers.ErrorBody, "description": _DESCRIPTIONS[status], "content": content}


def _add_example(content: Json, components: Json) -> None:
    reference = content.get("schema", {}).get("$ref")
    if reference and "examples" not in content:
        content["example"] = components[reference.rpartition("/")[2]]["example"]
