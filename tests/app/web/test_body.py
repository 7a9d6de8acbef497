"""Limits on the incoming stream: what is declared, what arrives, how slowly, and how much of it all at once."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.settings import FORM_BYTES, Settings
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio

LIMITS = {"max_upload_bytes": 1000, "max_batch_bytes": 2500, "max_batch_files": 3}


class Stream(httpx.AsyncByteStream):
    """A body that comes in pieces and remembers how many were taken."""

    def __init__(self, pieces: int, size: int = 100, pause: float = 0) -> None:
        self.pieces, self.size, self.pause, self.taken = pieces, size, pause, 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(self.pieces):
            await asyncio.sleep(self.pause)
            self.taken += 1
            yield b"\x07" * self.size


@pytest.fixture
async def limited(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(fake_service(**LIMITS)) as client:
        yield client


def code_of(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_raw_body_to_the_byte(limited: httpx.AsyncClient, size: int, status: int) -> None:
    response = await limited.post("/predict", content=b"\x07" * size)
    assert response.status_code == status
    if status == 413:
        told = "the upload has 1001 bytes; at most 1000 are taken"
        assert response.json()["error"] == {"code": "too_large", "message": told}


@pytest.mark.parametrize(("size", "status"), [(1000, 200), (1001, 413)])
async def test_a_file_in_a_form_to_the_byte(limited: httpx.AsyncClient, size: int, status: int) -> None:
    response = await limited.post("/predict", files={"file": b"\x07" * size})
    assert response.status_code == status


async def test_an_undeclared_body_is_counted_as_it_arrives(
    limited: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.web.drain.DRAIN_S", 0.05)
    assert (await limited.post("/predict", content=Stream(10))).status_code == 200
    endless = Stream(10**9, size=1000)
    deadline = asyncio.timeout(30)
    async with deadline:
        assert code_of(await limited.post("/predict", content=endless)) == (413, "too_large")
    assert endless.taken < 10**6


@pytest.mark.parametrize(("zeros", "digits"), [(6000, "5"), (0, "9" * 6000)])
async def test_a_declared_length_of_thousands_of_digits_is_a_number_too(
    limited: httpx.AsyncClient, zeros: int, digits: str
) -> None:
    headers = {"Content-Length": "0" * zeros + digits}
    response = await limited.post("/predict", content=Stream(1, size=5), headers=headers)
    assert response.status_code == (200 if digits == "5" else 413)


async def test_a_declared_length_is_refused_before_a_byte_is_read() -> None:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        sent.append("read")
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            assert not sent
            sent.append(message["status"])

    from app.main import create_app

    engine = FakeEngine()
    engine.now.update(engine.then)
    app = create_app(service=fake_service(engine, **LIMITS))
    headers = [(b"content-length", b"999999999999"), (b"content-type", b"image/png")]
    scope = {"type": "http", "method": "POST", "path": "/predict", "query_string": b"", "headers": headers}
    await app({**scope, "asgi": {"version": "3.0"}, "http_version": "1.1"}, receive, send)
    assert sent[0] == 413


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([800, 800, 800], [200, 200, 200]),
        ([1, 1001, 1], [200, 413, 200]),
        ([1, 1, 1, 1], 413),
        ([900, 900, 900], 413),
    ],
)
async def test_batches(limited: httpx.AsyncClient, sizes: list[int], expected: int | list[int]) -> None:
    files = [("files", (f"{n}.png", b"\x07" * size, "image/png")) for n, size in enumerate(sizes)]
    response = await limited.post("/predict/batch", files=files)
    if isinstance(expected, int):
        assert code_of(response) == (expected, "too_large")
    else:
        found = [413 if "error" in result else 200 for result in response.json()["results"]]
        assert found == expected


async def test_an_upload_that_stalls_or_takes_too_long_is_504() -> None:
    async with serving(fake_service(deadline_s=0.05)) as client:
        assert code_of(await client.post("/predict", content=Stream(2, pause=5))) == (504, "deadline_exceeded")
    async with serving(fake_service(upload_s=0.2)) as client:
        assert code_of(await client.post("/predict", content=Stream(10**6, 1, pause=0.01))) == (
            504,
            "deadline_exceeded",
        )


async def test_all_uploads_together_have_a_limit_and_their_memory_is_given_back() -> None:
    service = fake_service(max_held_bytes=2100)
    async with serving(service) as client:
        assert code_of(await client.post("/predict", content=b"\x07" * 2101)) == (429, "queue_full")
        assert service.memory.used == 0
        slow = asyncio.create_task(client.post("/predict", content=Stream(10, pause=0.02)))
        while service.memory.used == 0:
            await asyncio.sleep(0.001)
        assert code_of(await client.post("/predict", content=b"\x07" * 2050)) == (429, "queue_full")
        assert (await slow).status_code == 200
        assert service.memory.used == 0
        assert (await client.post("/predict", content=b"\x07" * 2050)).status_code == 200


@pytest.mark.parametrize("limit", [1999, 2000])
async def test_a_body_that_came_in_pieces_counts_twice_while_it_is_put_together(limit: int) -> None:
    service = fake_service(max_held_bytes=limit)
    async with serving(service) as client:
        response = await client.post("/predict", content=Stream(10, size=100))
        assert response.status_code == (200 if limit == 2000 else 429)
        assert service.memory.used == 0


async def test_whatever_the_settings_allow_is_taken_by_an_idle_service() -> None:
    least = 2500 + 1000 + FORM_BYTES
    assert Settings(**LIMITS, max_held_bytes=least).max_held_bytes == least
    service = fake_service(**LIMITS, max_held_bytes=least)
    field = b'--x\r\nContent-Disposition: form-data; name="files"\r\n\r\n'
    filling = b"--x\r\nContent-Disposition: form-data; name=other\r\n\r\n" + bytes(FORM_BYTES - 400) + b"\r\n"
    body = filling + b"\r\n".join([*(field + b"\7" * size for size in (1000, 1000, 500)), b"--x--"])
    assert FORM_BYTES + 2300 < len(body) <= FORM_BYTES + 2500

    async def pieces(size: int, of: bytes) -> AsyncIterator[bytes]:
        for at in range(0, len(of), size):
            yield of[at : at + size]

    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    async with serving(service) as client:
        for size in (100, len(body)):
            answer = await client.post("/predict/batch", content=pieces(size, body), headers=kind)
            assert [result.get("label") for result in answer.json()["results"]] == ["7"] * 3
            assert (await client.post("/predict", content=pieces(size, b"\7" * 1000))).status_code == 200
            assert service.memory.used == 0


async def test_memory_is_given_back_when_the_thread_is_done_with_it_and_not_before() -> None:
    intake = FakeIntake()
    service = fake_service(None, intake, deadline_s=0.1)
    async with serving(service) as client:
        intake.gate.clear()
        assert code_of(await client.post("/predict", content=b"\x07" * 500)) == (504, "deadline_exceeded")
        assert service.memory.used == 500, "a thread decodes it still"
        intake.gate.set()
        async with asyncio.timeout(30):
            while service.memory.used:
                await asyncio.sleep(0.001)


async def test_a_picture_that_waits_for_a_thread_at_its_deadline_is_never_decoded() -> None:
    intake = FakeIntake()
    service = fake_service(None, intake, deadline_s=0.1, intake_threads=1)
    async with serving(service) as client:
        intake.gate.clear()
        both = [client.post("/predict", content=bytes([value]) * 500) for value in (1, 2)]
        assert [response.status_code for response in await asyncio.gather(*both)] == [504, 504]
        intake.gate.set()
        async with asyncio.timeout(30):
            while service.memory.used:
                await asyncio.sleep(0.001)
    assert len(intake.seen) == 1


@pytest.mark.parametrize("kind", ["multipart/form-data", "multipart/form-data; boundary="])
async def test_a_form_without_a_boundary(limited: httpx.AsyncClient, kind: str) -> None:
    response = await limited.post("/predict", content=b"--x--", headers={"Content-Type": kind})
    assert code_of(response) == (422, "invalid_parameter")
    assert "boundary" in response.text


@pytest.mark.parametrize("boundary", ["x", "y" * 10_000])
async def test_a_malformed_form(limited: httpx.AsyncClient, boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    response = await limited.post("/predict", content=b"no form at all", headers=headers)
    assert code_of(response) == (422, "invalid_parameter")
    assert "malformed" in response.text


@pytest.mark.parametrize("kind", ["image/png", "IMAGE/x-unheard-of", "application/octet-stream", "image/jpeg; q=1"])
async def test_declared_types_that_are_read(limited: httpx.AsyncClient, kind: str) -> None:
    assert (await limited.post("/predict", content=b"\x07", headers={"Content-Type": kind})).status_code == 200


@pytest.mark.parametrize("kind", ["text/html", "application/pdf", "video/mp4", "application/x-www-form-urlencoded"])
async def test_declared_types_that_are_not(limited: httpx.AsyncClient, kind: str) -> None:
    response = await limited.post("/predict", content=b"\x07", headers={"Content-Type": kind})
    assert code_of(response) == (415, "unsupported_type")
    assert kind in response.text


@pytest.mark.parametrize("declared", ["text/plain", "application/json", "video/mp4; codecs=x"])
async def test_a_file_declared_as_no_picture_is_refused_in_its_place(limited: httpx.AsyncClient, declared: str) -> None:
    response = await limited.post("/predict", files={"file": ("a", b"\x07", declared)})
    assert code_of(response) == (415, "unsupported_type")
    told = f"the declared type is '{declared.partition(';')[0]}'; wanted image/* or application/octet-stream"
    assert response.json()["error"]["message"] == told
    files = [("files", ("a", b"\x07", kind)) for kind in ("image/png", declared, "IMAGE/nonsense; q=1")]
    first, second, third = (await limited.post("/predict/batch", files=files)).json()["results"]
    assert (first["label"], third["label"]) == ("7", "7")
    assert second["error"]["code"] == "unsupported_type"


async def test_a_timeout_that_is_not_ours_is_no_late_upload(limited: httpx.AsyncClient) -> None:
    class Broken(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b"\x07"
            raise TimeoutError("of the server underneath")

    assert code_of(await limited.post("/predict", content=Broken())) == (500, "internal")
