"""POST /prepare, prepare=raw, and what the gate says: on fakes, and on the real intake."""

import base64
import io
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.errors import ApiError
from app.serving.intake import Intake
from tests.app.conftest import serving
from tests.fakes import BAD, BLANK, FakeEngine, fake_service
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.shipped import shipped_intake

pytestmark = pytest.mark.anyio


def encoded(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.fixture
async def real(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    """A service with the real intake before a fake engine."""
    async with serving(fake_service(intake=Intake())) as client:
        yield client


async def test_a_png_shows_what_the_networks_see(client: httpx.AsyncClient) -> None:
    response = await client.post("/prepare", content=b"\x07")
    assert response.headers["content-type"] == "image/png"
    assert response.headers["lineup-dataset"] == "mnist"
    shown = np.asarray(Image.open(io.BytesIO(response.content)))
    assert (shown.shape, shown.dtype) == ((28, 28), np.uint8)
    assert (shown == 7).all()


@pytest.mark.parametrize("scale", [1, 3, 40])
async def test_it_is_enlarged_pixel_by_pixel(real: httpx.AsyncClient, scale: int) -> None:
    sent = encoded(draw_seven())
    small = np.asarray(Image.open(io.BytesIO((await real.post("/prepare", content=sent)).content)))
    large = np.asarray(Image.open(io.BytesIO((await real.post(f"/prepare?scale={scale}", content=sent)).content)))
    assert large.shape == (28 * scale, 28 * scale)
    assert (large[::scale, ::scale] == small).all()
    assert (large == small.repeat(scale, 0).repeat(scale, 1)).all()


async def test_json_has_the_pixels_the_steps_and_the_png(real: httpx.AsyncClient) -> None:
    sent = encoded(draw_seven())
    body = (await real.post("/prepare?scale=2", content=sent, headers={"Accept": "application/json"})).json()
    assert (body["dataset"], body["in_distribution"], body["reason"]) == ("mnist", True, "it looks like a digit")
    pixels = np.array(body["pixels"])
    assert pixels.shape == (28, 28)
    assert pixels.max() > 200
    png = np.asarray(Image.open(io.BytesIO(base64.b64decode(body["png"]))))
    assert (png[::2, ::2] == pixels).all()
    names = [step["name"] for step in body["steps"]]
    assert names[-2:] == ["stroke", "place"]
    assert all(step["parameters"] for step in body["steps"])
    assert set(body["timing_ms"]) == {"decode", "auto", "prepare", "gate", "total"}


@pytest.mark.parametrize(("dataset", "step"), [("mnist", "place"), ("fashion-mnist", "extend and negate")])
async def test_the_dataset_decides_how(real: httpx.AsyncClient, dataset: str, step: str) -> None:
    sent = encoded(draw_shirt())
    headers = {"Accept": "application/json"}
    body = (await real.post(f"/prepare?dataset={dataset}", content=sent, headers=headers)).json()
    assert (body["dataset"], body["dataset_confidence"]) == (dataset, None)
    assert body["steps"][-1]["name"] == step


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("", BAD, 422, "undecodable"),
        ("", BLANK, 422, "nothing_found"),
        ("?dataset=cifar", b"\x07", 404, "unknown_dataset"),
        ("?scale=0", b"\x07", 422, "invalid_parameter"),
        ("?scale=41", b"\x07", 422, "invalid_parameter"),
        ("", b"", 422, "invalid_parameter"),
    ],
)
async def test_errors_are_those_of_predict(
    client: httpx.AsyncClient, query: str, content: bytes, status: int, code: str
) -> None:
    response = await client.post(f"/prepare{query}", content=content, headers={"Content-Type": "image/png"})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


async def test_raw_pictures_pass_unchanged(client: httpx.AsyncClient) -> None:
    """The fake intake says what it was asked for; the real one is asked below."""
    for route in ("/predict", "/compare"):
        assert (await client.post(f"{route}?prepare=raw", content=b"\x07")).status_code == 200
    found = await client.post("/predict?prepare=none", content=b"\x07")
    assert found.json()["error"]["message"] == "'prepare' is 'none'; it should be 'auto' or 'raw'"


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_raw_takes_28x28_as_they_are(mode: Any) -> None:
    inverted = Image.effect_noise((28, 28), 60).point(lambda value: 255 - value // 3)
    seen = shipped_intake().see(encoded(inverted.convert(mode)), "mnist", 10**6, "raw")
    assert (seen.picture == np.asarray(inverted)).all()
    assert seen.as_it_was
    assert [step.name for step in seen.steps] == ["as it was sent"]
    prepared = shipped_intake().see(encoded(inverted.convert(mode)), "mnist", 10**6, "auto")
    assert not prepared.as_it_was


def test_raw_refuses_another_size_and_says_what_is_right() -> None:
    with pytest.raises(
        ApiError, match=r"the picture has 200x100 pixels; with prepare=raw it should have 28x28"
    ) as told:
        shipped_intake().see(encoded(Image.new("L", (200, 100), 5)), "mnist", 10**6, "raw")
    assert told.value.code == "invalid_parameter"


@pytest.mark.parametrize("value", [0, 255])
def test_raw_refuses_a_blank_picture(value: int) -> None:
    with pytest.raises(ApiError, match=f"the picture is blank: all of its pixels are {value}") as told:
        shipped_intake().see(encoded(Image.new("L", (28, 28), value)), "mnist", 10**6, "raw")
    assert told.value.code == "nothing_found"


def test_a_large_picture_says_that_it_was_shrunk() -> None:
    seen = shipped_intake().see(encoded(draw_seven().resize((3000, 2400))), "mnist", 10**8)
    assert (seen.steps[0].name, seen.steps[0].parameters["from"]) == ("shrink while decoding", [3000, 2400])
    assert "shrink" not in shipped_intake().see(encoded(draw_seven()), "mnist", 10**8).steps[0].name


async def test_the_accept_header_is_weighed(client: httpx.AsyncClient) -> None:
    for accept, wanted in (
        ("image/png, application/json;q=0.5", "image/png"),
        ("Application/JSON", "application/json"),
        ("*/*", "image/png"),
    ):
        response = await client.post("/prepare", content=b"\x07", headers={"Accept": accept})
        assert (response.headers["content-type"], response.headers["vary"]) == (wanted, "Accept")


async def test_answers_say_whether_the_picture_is_of_that_kind(real: httpx.AsyncClient) -> None:
    digit = (await real.post("/predict", content=encoded(draw_seven()))).json()
    assert (digit["in_distribution"], digit["reason"]) == (True, "it looks like a digit")
    shirt = (await real.post("/predict?dataset=mnist", content=encoded(draw_shirt()))).json()
    assert shirt["in_distribution"] is False
    assert 0 <= shirt["in_distribution_score"] < 0.5
    assert shirt["reason"].endswith("not like a digit")
    assert shirt["label"], "it is answered all the same"
    both = (await real.post("/compare?dataset=mnist", content=encoded(draw_shirt()))).json()
    assert both["in_distribution"] is False
    assert all(one["in_distribution"] is False for one in both["results"])


async def test_without_the_gate_it_is_not_known_and_answered_all_the_same(tmp_path: Path) -> None:
    engine = FakeEngine()
    engine.folder = tmp_path
    async with serving(fake_service(engine, Intake())) as client:
        answer = (await client.post("/predict?dataset=mnist", content=encoded(draw_seven()))).json()
    assert answer["label"]
    assert (answer["in_distribution"], answer["in_distribution_score"], answer["reason"]) == (None, None, None)


async def test_pictures_sent_in_another_form_take_the_other_temperature(anyio_backend: str) -> None:
    told: list[bool] = []

    class Recording(FakeEngine):
        def predict(self, dataset: str, name: str, pictures: Any, sent: Any) -> Any:
            told.extend(sent.tolist())
            return super().predict(dataset, name, pictures, sent)

    small = np.zeros((28, 28), np.uint8)
    small[5:23, 12:15] = 255
    async with serving(fake_service(Recording(), Intake())) as client:
        for image in (draw_seven(), Image.fromarray(small)):
            assert (await client.post("/predict?dataset=mnist", content=encoded(image))).status_code == 200
    assert told == [True, False]
