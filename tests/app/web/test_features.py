"""GET /models/{name}/stages and POST /features, on a real network."""

import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from app.serving import local
from app.serving.engine import Engine
from app.settings import Settings
from models import checkpoints
from tests import untrained
from tests.app.conftest import serving

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("weights")
    untrained.write(folder, "lenet")
    return folder


@pytest.fixture
async def real(root: Path, anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    settings = Settings.model_construct(weights=root, device="cpu", networks="lenet,lenet-bn")
    async with serving(local.service(settings, Engine(settings))) as client:
        yield client


def picture() -> NDArray[np.uint8]:
    """Bright on black, as the dataset is: the intake leaves it as it is."""
    y, x = np.mgrid[:28, :28] - 13.5
    ring = (np.abs(np.hypot(x, y) - 7) < 2) * np.random.default_rng(0).integers(150, 256, (28, 28))
    return ring.astype(np.uint8)


def encoded() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture()).save(buffer, "PNG")
    return buffer.getvalue()


def expected(root: Path, stage: str) -> NDArray[np.float32]:
    """What torch's module of that name gives."""
    classifier, given = checkpoints.load(root / "mnist" / "lenet.lineup"), []
    dict(classifier.network.named_modules())[stage].register_forward_hook(lambda _, __, output: given.append(output))
    with torch.inference_mode():
        classifier(torch.from_numpy(picture())[None])
    return np.asarray(given[0][0])


async def ask(client: httpx.AsyncClient, query: str, accept: str = "*/*") -> httpx.Response:
    headers = {"Accept": accept, "Content-Type": "image/png"}
    return await client.post(f"/features?model=lenet&dataset=mnist&{query}", content=encoded(), headers=headers)


def shown(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(io.BytesIO(data)))


async def test_a_table_adds_up_to_its_network(real: httpx.AsyncClient) -> None:
    """An extra that is served, and has no checkpoint here, too."""
    for name in ("lenet", "lenet-bn"):
        card, told = (await real.get(f"/models/{name}")).json(), (await real.get(f"/models/{name}/stages")).json()
        for key in ("parameters", "macs"):
            rows = [row for stage in told["stages"] for row in stage["layers"]]
            assert told[key] == card[key] == sum(row[key] for row in rows) == sum(s[key] for s in told["stages"])
        assert (told["model"], told["input_size"]) == (name, card["input_size"])
    first = told["stages"][0]["layers"][0]
    assert first == {"name": "conv.0", "kind": "conv 5x5, 6 channels", "shape": [6, 24, 24], "parameters": 156,
                     "macs": 86400}  # fmt: skip
    assert (await real.get("/models/resnet19/stages")).json()["error"]["code"] == "unknown_model"


async def test_the_maps_are_those_of_torch(real: httpx.AsyncClient, root: Path) -> None:
    for stage in ("conv.0", "conv"):
        values, body = expected(root, stage), (await ask(real, f"stage={stage}")).json()
        assert (body["model"], body["dataset"], body["stage"]) == ("lenet", "mnist", stage)
        assert body["shape"] == list(values.shape)
        for key, of in (("minimum", np.min), ("maximum", np.max), ("mean", np.mean)):
            told = [channel[key] for channel in body["channels"]]
            np.testing.assert_allclose(told, of(values, axis=(1, 2)), rtol=1e-4, atol=1e-5)
        assert [channel["index"] for channel in body["channels"]] == list(range(len(values)))
        np.testing.assert_allclose((body["minimum"], body["maximum"]), (values.min(), values.max()), rtol=1e-4)


@pytest.mark.parametrize("normalise", ["each", "all"])
async def test_a_picture_has_every_map_in_its_place(real: httpx.AsyncClient, root: Path, normalise: str) -> None:
    values = expected(root, "conv.0")
    body = (await ask(real, f"stage=conv.0&scale=2&normalise={normalise}")).json()
    grey = shown(base64.b64decode(body["png"]))
    assert (body["rows"], body["columns"], body["normalise"]) == (2, 3, normalise)
    assert grey.shape == (2 * 49 - 1, 3 * 49 - 1)
    for index, tile in enumerate(values):
        y, x = (49 * place for place in divmod(index, 3))
        low, high = (tile.min(), tile.max()) if normalise == "each" else (values.min(), values.max())
        wanted = ((tile - low) / (high - low) * 255).repeat(2, 0).repeat(2, 1)
        assert np.abs(grey[y : y + 48, x : x + 48] - wanted).max() < 1


async def test_who_asks_for_a_png_gets_it_with_its_sizes_in_headers(real: httpx.AsyncClient) -> None:
    body = (await ask(real, "stage=conv.0")).json()
    response = await ask(real, "stage=conv.0", "image/png")
    assert (response.headers["content-type"], response.headers["vary"]) == ("image/png", "Accept")
    told = {name: response.headers[f"lineup-{name}"] for name in ("columns", "channels", "height", "width", "dataset")}
    assert told == {"columns": "3", "channels": "6", "height": "24", "width": "24", "dataset": "mnist"}
    assert response.content == base64.b64decode(body["png"])
    digest = (await real.get("/models/lenet")).json()["checkpoints"]["mnist"]["digest"]
    assert response.headers["lineup-checkpoint"] == digest


async def test_a_fully_connected_layer_is_a_row_of_values(real: httpx.AsyncClient, root: Path) -> None:
    response = await ask(real, "stage=fc")
    body, values = response.json(), expected(root, "fc")
    assert (body["shape"], body["rows"], body["columns"], body["normalise"]) == ([10], 1, 10, "all")
    np.testing.assert_allclose([channel["mean"] for channel in body["channels"]], values, rtol=1e-4, atol=1e-5)
    grey = shown(base64.b64decode(body["png"]))
    assert grey.shape == (1, 19)
    assert grey[0, ::2].argmax() == values.argmax()
    assert set(body["timing_ms"]) == {
        *("decode", "auto", "prepare", "gate", "queue", "load", "inference", "draw", "total")
    }
    assert "load;dur=" in response.headers["server-timing"]


@pytest.mark.parametrize(
    ("query", "code", "told"),
    [
        ("model=lenet&stage=conv9", "invalid_parameter", "no stage of lenet 'conv9'; there are: conv, fc, conv.0, "),
        ("model=lenet", "invalid_parameter", "'stage'"),
        ("model=lenet&stage=conv&scale=41", "invalid_parameter", "'scale' is '41'"),
        ("model=vgg11&stage=conv.0.0&scale=3", "invalid_parameter", "a picture of 5383x5383 pixels; at most 16777216"),
        ("model=lenet&stage=conv&normalise=none", "invalid_parameter", "'each' or 'all'"),
        ("model=resnet19&stage=conv", "unknown_model", "resnet19"),
        ("model=lenet&stage=conv&dataset=cifar", "unknown_dataset", "cifar"),
        ("model=lenet&stage=conv&top_k=3", "invalid_parameter", "no parameter 'top_k'"),
    ],
)
async def test_what_is_wrong_is_told_with_what_is_right(
    client: httpx.AsyncClient, query: str, code: str, told: str
) -> None:
    error: dict[str, Any] = (await client.post(f"/features?{query}", content=b"\x07")).json()["error"]
    assert error["code"] == code
    assert told in error["message"]


async def test_a_network_without_checkpoint_is_told_before_the_picture_is_read(real: httpx.AsyncClient) -> None:
    response = await real.post("/features?model=lenet-bn&stage=conv&dataset=mnist", content=b"no picture")
    assert (response.status_code, response.json()["error"]["code"]) == (503, "model_unavailable")
