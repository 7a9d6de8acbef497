"""A boundary inside a part's data: a few belong to the picture, a body full of them is refused before it costs time."""

import io
from collections.abc import AsyncIterator, Iterable
from itertools import repeat

import httpx
import pytest
from PIL.PngImagePlugin import PngInfo

from app.errors import ApiError
from app.web.form import FALSE_DELIMITERS, OTHER_PARTS, PADDING, Form
from tests.app.conftest import serving
from tests.fakes import fake_service
from tests.models.intake.test_picture import draw_seven
from tests.shipped import shipped_intake

HEAD = b'Content-Disposition: form-data; name="files"; filename="a"\r\n\r\n'
OPENED = b"--a\r\n" + HEAD
MOST = 2 + OTHER_PARTS + FALSE_DELIMITERS
KIND = {"Content-Type": "multipart/form-data; boundary=a"}


def form() -> Form:
    return Form(b"a", "files", most_files=2, most_bytes=10**9, most_bytes_each=10**9)


def feed(it: Form, pieces: Iterable[bytes]) -> None:
    for piece in pieces:
        it.feed(piece)


def fed(body: bytes, size: int = 10**9) -> list[bytes]:
    it = form()
    feed(it, (body[start : start + size] for start in range(0, len(body), size)))
    return [b"".join(file.pieces) for file in it.files() if not isinstance(file, ApiError)]


@pytest.mark.parametrize("size", [1, 5, 1000, 10**9])
@pytest.mark.parametrize("after", [b"x", b"\r\r", b"-x"])
def test_a_picture_may_have_delimiters_that_end_no_part(after: bytes, size: int) -> None:
    picture = (b"\r\n--a" + after + b"yz") * 20
    assert fed(OPENED + picture + b"\r\n--a--\r\n", size) == [picture]


def test_a_form_may_have_all_its_parts_and_as_many_false_delimiters_as_are_allowed() -> None:
    others = b'--a\r\nContent-Disposition: form-data; name="other"\r\n\r\n\r\n' * OTHER_PARTS
    picture = b"\r\n--ax" * FALSE_DELIMITERS
    assert fed(others + OPENED + b"7\r\n" + OPENED + picture + b"\r\n--a--") == [b"7", picture]


@pytest.mark.parametrize("size", [1000, 10**9])
def test_more_are_refused_before_the_parser_steps_over_them(size: int) -> None:
    it, body = form(), OPENED + b"\r\n--ax" * 10 * MOST
    pieces = iter([body[start : start + size] for start in range(0, len(body), size)])
    with pytest.raises(ApiError) as caught:
        feed(it, pieces)
    told = f"the boundary 'a' is in the multipart body more than {MOST} times; choose one that is not in the pictures' "
    assert (caught.value.code, caught.value.message) == ("invalid_parameter", told + "bytes")
    assert len(b"".join(pieces)) > len(body) // 2 or size > len(body), "long before its end"


@pytest.mark.parametrize("blanks", [b" ", b"\t" * 100, b" \t" * 100])
def test_a_boundary_whose_line_does_not_end_is_refused(blanks: bytes) -> None:
    it = form()
    it.feed(OPENED + b"7\r\n--a")
    with pytest.raises(ApiError) as caught:
        feed(it, repeat(blanks, PADDING + 1))
    told = f"more than {PADDING} blanks follow the boundary 'a'; its line should end at once"
    assert (caught.value.code, caught.value.message) == ("invalid_parameter", told)


@pytest.mark.parametrize("size", [1, 7, 10**9])
def test_some_blanks_after_a_boundary_are_taken(size: int) -> None:
    assert fed(OPENED + b"7\r\n--a \t \r\n" + HEAD + b"8\r\n--a--", size) == [b"7", b"8"]


@pytest.fixture
async def client(anyio_backend: str) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(fake_service(None, shipped_intake())) as it:  # type: ignore[arg-type]
        yield it


def seven(comment: str) -> bytes:
    """A picture with this text in its file."""
    buffer, text = io.BytesIO(), PngInfo()
    text.add_text("Comment", comment)
    draw_seven().save(buffer, "PNG", pnginfo=text)
    return buffer.getvalue()


@pytest.mark.anyio
@pytest.mark.parametrize("field", ["file", "files"])
async def test_over_http_a_few_answer_and_too_many_are_refused(client: httpx.AsyncClient, field: str) -> None:
    path = "/predict" if field == "file" else "/predict/batch"
    opened = OPENED.replace(b'"files"', f'"{field}"'.encode())
    few, many = seven("\r\n--ax" * 5), seven("\r\n--ax" * 2 * (MOST + 64))
    assert few.count(b"\r\n--a") == 5
    answered = await client.post(path, content=opened + few + b"\r\n--a--\r\n", headers=KIND)
    assert answered.status_code == 200
    assert (answered.json() if field == "file" else answered.json()["results"][0])["dataset"] == "mnist"
    refused = await client.post(path, content=opened + many + b"\r\n--a--\r\n", headers=KIND)
    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_parameter")
    assert "the boundary 'a' is in the multipart body more than" in refused.json()["error"]["message"]
