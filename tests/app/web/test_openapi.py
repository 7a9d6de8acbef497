"""The committed OpenAPI document: current, and complete enough to be used without reading the code."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tools.openapi import text

COMMITTED = Path(__file__).resolve().parents[3] / "openapi.json"


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(text())
    return loaded


def operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_committed_document_is_current() -> None:
    assert COMMITTED.read_text(encoding="utf-8") == text(), "run: python -m tools.openapi > openapi.json"


def test_operations_and_their_stable_ids(document: dict[str, Any]) -> None:
    assert {name: operation["operationId"] for name, operation in operations(document)} == {
        "POST /predict": "predict",
        "POST /predict/batch": "predict_batch",
        "POST /admin/reload": "reload",
        "POST /compare": "compare",
        "POST /prepare": "prepare",
        "POST /features": "features",
        "POST /flip": "flip",
        "POST /read": "read",
        "GET /models": "list_models",
        "GET /models/{name}": "get_model",
        "GET /models/{name}/stages": "get_stages",
        "GET /models/{name}/report": "get_report",
        "GET /models/{name}/mistakes": "list_mistakes",
        "GET /datasets": "list_datasets",
        "GET /limits": "get_limits",
        "GET /healthz": "get_health",
        "GET /readyz": "get_readiness",
        "GET /metrics": "get_metrics",
    }


def test_every_parameter_is_described_and_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        for parameter in operation.get("parameters", []):
            where = f"{name} {parameter['name']}"
            assert parameter.get("description"), where
            assert parameter["schema"].get("examples"), where


def test_every_answer_is_described_and_has_an_example(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert operation["summary"], name
        assert operation["description"], name
        for status, answer in operation["responses"].items():
            assert answer["description"], (name, status)
            for kind, content in answer["content"].items():
                assert content.get("example") or content.get("examples"), (name, status, kind)


def test_error_examples_have_the_one_shape_and_the_status_of_their_code(document: dict[str, Any]) -> None:
    from app.errors import STATUS

    for name, operation in operations(document):
        for status, answer in operation["responses"].items():
            for code, example in answer["content"].get("application/json", {}).get("examples", {}).items():
                assert set(example["value"]) == {"error"}, name
                assert example["value"]["error"]["code"] == code
                assert STATUS[code] == int(status)


def test_who_needs_a_key_may_also_ask_too_often(document: dict[str, Any]) -> None:
    for name, operation in operations(document):
        assert ("401" in operation["responses"]) == ("429" in operation["responses"]), name


def test_names_are_offered_as_choices(document: dict[str, Any]) -> None:
    parameters = {p["name"]: p["schema"] for p in document["paths"]["/predict"]["post"]["parameters"]}
    assert parameters["model"]["enum"] == ["lenet", "alexnet", "nin", "vgg11", "googlenet", "resnet18", "densenet"]
    assert parameters["dataset"]["enum"] == ["auto", "mnist", "fashion-mnist"]


def test_pictures_are_described_as_form_and_as_raw_body(document: dict[str, Any]) -> None:
    for path in ("/predict", "/compare", "/prepare", "/features", "/read"):
        content = document["paths"][path]["post"]["requestBody"]["content"]
        assert set(content) == {"multipart/form-data", "image/*", "application/octet-stream"}
        assert content["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"
    many = document["paths"]["/predict/batch"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert many["properties"]["files"]["items"]["format"] == "binary"


def test_no_reference_leads_nowhere(document: dict[str, Any]) -> None:
    schemas = document["components"]["schemas"]
    for part in json.dumps(document).split('"$ref": "#/components/schemas/')[1:]:
        assert part.split('"')[0] in schemas
    assert not {"HTTPValidationError", "ValidationError"} & set(schemas)
