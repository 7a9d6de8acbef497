"""Which network answers where a request names none: the same to every route, to `/models` and in the document."""

import io
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.serving import local
from app.settings import Settings
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service
from tests.models.intake.test_picture import draw_seven
from tests.shipped import WEIGHTS

pytestmark = pytest.mark.anyio


class Two(FakeEngine):
    names = ("lenet", "vgg11")


@pytest.fixture
async def without_resnet(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_construct(weights=WEIGHTS, device="cpu", networks="lenet,nin")
    async with serving(local.service(settings)) as client:
        yield client


def seven() -> bytes:
    buffer = io.BytesIO()
    draw_seven().save(buffer, "PNG")
    return buffer.getvalue()


async def answered_by(client: httpx.AsyncClient, path: str, model: str | None) -> str:
    """The checkpoint that answers a route, asked for this network or for none."""
    query = {"/features": {"stage": "conv"}, "/flip": {"to": "7"}}.get(path, {})  # a seven is one already
    query |= {"model": model} if model else {}
    field = "files" if path == "/predict/batch" else "file"
    headers = {"Accept": "application/json"}
    answer = await client.post(path, params=query, files={field: seven()}, headers=headers)
    assert answer.status_code == 200, (path, answer.text)
    checkpoint: str = answer.headers["Lineup-Checkpoint"]
    return checkpoint


def offered(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The schema of `model` in each route that takes it."""
    return {
        path: parameter["schema"]
        for path, methods in document["paths"].items()
        for operation in methods.values()
        for parameter in operation.get("parameters", [])
        if parameter["name"] == "model"
    }


async def test_without_resnet18_the_first_network_answers_wherever_none_is_named(
    without_resnet: httpx.AsyncClient,
) -> None:
    schemas = offered((await without_resnet.get("/openapi.json")).json())
    assert set(schemas) >= {"/predict", "/predict/batch", "/read", "/flip", "/features"}
    for path, schema in schemas.items():
        assert (schema["enum"], schema["default"], schema["examples"]) == (["lenet", "nin"], "lenet", ["lenet"]), path
        by_default, lenet, nin = [await answered_by(without_resnet, path, name) for name in (None, "lenet", "nin")]
        assert by_default == lenet != nin, path
    assert (await without_resnet.get("/models")).json()["default"] == "lenet"


async def test_where_resnet18_is_served_it_stays_the_default(client: httpx.AsyncClient) -> None:
    async with serving(fake_service(Two())) as other:  # routes are the same objects in all applications
        assert (await other.get("/openapi.json")).status_code == 200
        assert (await other.post("/predict", content=b"\x07")).json()["model"] == "lenet"
    schemas = offered((await client.get("/openapi.json")).json())
    assert {schema["default"] for schema in schemas.values()} == {"resnet18"}
    assert {schema["type"] for schema in schemas.values()} == {"string"}
    assert (await client.post("/predict", content=b"\x07")).json()["model"] == "resnet18"


async def test_a_name_that_is_empty_is_no_default(client: httpx.AsyncClient) -> None:
    refused = await client.post("/predict?model=", content=b"\x07")
    told = {"code": "unknown_model", "message": "no network ''; there are: lenet, vgg11, resnet18"}
    assert (refused.status_code, refused.json()["error"]) == (404, told)


async def test_a_reload_tells_the_default_of_what_it_loaded() -> None:
    service = fake_service(Two(), fresh=(Two(), FakeIntake()), admin_key=SecretStr("open sesame"))
    async with serving(service) as client:
        told = (await client.post("/admin/reload", headers={"Authorization": "Bearer open sesame"})).json()
    assert (told["default"], [model["name"] for model in told["models"]]) == ("lenet", ["lenet", "vgg11"])
