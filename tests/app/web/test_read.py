"""POST /read, on fakes: what comes back, in which order, and what goes through the same queue and deadline."""

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image, ImageDraw

from app.serving.engine import State
from app.serving.intake import Intake
from tests.app.conftest import serving
from tests.fakes import BLANK, FakeEngine, fake_service
from tests.models.intake.test_picture import draw_seven
from tests.shipped import shipped_intake

pytestmark = pytest.mark.anyio


async def test_a_number_is_its_digits_line_by_line(client: httpx.AsyncClient) -> None:
    body = (await client.post("/read", content=b"\x02\x00\x02\x06\n\x01\x01")).json()
    assert (body["model"], body["number"]) == ("resnet18", "2026\n11")
    assert [line["text"] for line in body["lines"]] == ["2026", "11"]
    assert body["lines"][1]["digits"][1] == {
        "label": "1",
        "index": 1,
        "confidence": 0.82,
        "box": {"x": 10, "y": 20, "width": 8, "height": 16},
        "in_distribution": None,
        "in_distribution_score": None,
    }
    assert set(body["timing_ms"]) == {"decode", "find", "inference", "total"}


async def test_digits_of_a_page_share_forward_passes(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    body = (await client.post("/read?model=lenet", content=b"\x03" * 9 + b"\n" + b"\x04" * 9)).json()
    assert body["number"] == "3" * 9 + "\n" + "4" * 9
    assert sum(count for _, _, count in engine.batches) >= 18
    assert {(dataset, name) for dataset, name, _ in engine.batches} == {("mnist", "lenet")}
    assert len(engine.batches) < 18


async def test_a_long_number_never_fills_the_queue_against_others(anyio_backend: str) -> None:
    async with serving(fake_service(queue_size=8)) as client:
        body = (await client.post("/read", content=b"\x05" * 60)).json()
    assert body["number"] == "5" * 60


@pytest.mark.parametrize(
    ("query", "content", "status", "code"),
    [
        ("", BLANK, 422, "nothing_found"),
        ("?model=resnet19", b"\x01", 404, "unknown_model"),
        ("", b"", 422, "invalid_parameter"),
    ],
)
async def test_errors(client: httpx.AsyncClient, query: str, content: bytes, status: int, code: str) -> None:
    response = await client.post(f"/read{query}", content=content, headers={"Content-Type": "image/png"})
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(
    ("state", "code"), [("loading", "not_ready"), ("missing", "model_unavailable"), ("failed", "model_unavailable")]
)
async def test_a_network_that_is_not_there(
    client: httpx.AsyncClient, engine: FakeEngine, state: Any, code: str
) -> None:
    engine.now["mnist", "resnet18"] = State(state, "a reason")
    response = await client.post("/read", content=b"\x01\x02")
    assert (response.status_code, response.json()["error"]["code"]) == (503, code)


async def test_one_digit_that_fails_fails_the_number(client: httpx.AsyncClient, engine: FakeEngine) -> None:
    engine.failing.add("resnet18")
    response = await client.post("/read", content=b"\x01\x02")
    assert response.status_code == 500
    engine.failing.clear()
    assert (await client.post("/read", content=b"\x01\x02")).json()["number"] == "12"


async def test_the_deadline_holds(anyio_backend: str) -> None:
    engine = FakeEngine()
    async with serving(fake_service(engine, deadline_s=0.3)) as client:
        engine.gate.clear()
        try:
            response = await client.post("/read", content=b"\x01\x02")
        finally:
            engine.gate.set()
    assert (response.status_code, response.json()["error"]["code"]) == (504, "deadline_exceeded")


async def test_requests_at_once_keep_their_digits(client: httpx.AsyncClient) -> None:
    numbers = [bytes([k % 10, (k + 3) % 10, (k * 7) % 10]) for k in range(20)]
    responses = await asyncio.gather(*(client.post("/read", content=number) for number in numbers))
    for number, response in zip(numbers, responses, strict=True):
        assert response.json()["number"] == "".join(str(digit) for digit in number)


@pytest.mark.parametrize(("kind", "size"), [("JPEG", (4000, 3000)), ("PNG", (4000, 3000)), ("PNG", (800, 600))])
def test_boxes_are_in_pixels_of_the_picture_as_it_was_sent(kind: str, size: tuple[int, int]) -> None:
    image = Image.new("L", size, 240)
    wanted = [round(share * size[0]) for share in (0.2, 0.5, 0.8)]
    width, top, height = size[0] // 40, size[1] // 4, size[1] // 3
    for left in wanted:
        ImageDraw.Draw(image).rectangle((left, top, left + width - 1, top + height - 1), fill=20)
    file = io.BytesIO()
    image.save(file, kind)
    (line,) = shipped_intake().read(file.getvalue(), 10**8).lines
    for found, left in zip(line, wanted, strict=True):
        assert found.box == pytest.approx((left, top, width, height), abs=size[0] / 400)
        assert found.verdict is not None


def test_without_the_gate_digits_are_found_all_the_same(tmp_path: Path) -> None:
    intake = Intake()
    intake.load(tmp_path)
    file = io.BytesIO()
    draw_seven().save(file, "PNG")
    ((found,),) = intake.read(file.getvalue(), 10**8).lines
    assert found.verdict is None


async def test_answers_carry_what_the_gate_says_of_each_digit(anyio_backend: str) -> None:
    file = io.BytesIO()
    draw_seven().save(file, "PNG")
    async with serving(fake_service(intake=Intake())) as client:
        ((digit,),) = [line["digits"] for line in (await client.post("/read", content=file.getvalue())).json()["lines"]]
    assert digit["in_distribution"] is True
    assert 0.5 <= digit["in_distribution_score"] <= 1
