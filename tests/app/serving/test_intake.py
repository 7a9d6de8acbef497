"""From an upload to a picture: which declared types are refused, and that the bytes decide the rest."""

import io

import pytest
from PIL import Image

from app.errors import ApiError
from app.serving import intake

MOST = 50_000_000


def png() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (64, 48), "red").save(file, "PNG")
    return file.getvalue()


@pytest.mark.parametrize("declared", ["text/plain", "application/json", "video/mp4; codecs=x"])
def test_a_declared_type_that_is_no_picture_is_refused(declared: str) -> None:
    with pytest.raises(ApiError, match=r"wanted image/\* or application/octet-stream") as refused:
        intake.decode(png(), declared, MOST)
    assert (refused.value.code, refused.value.status) == ("unsupported_type", 415)


@pytest.mark.parametrize(
    "declared", [None, "", "image/jpeg", "IMAGE/PNG", "application/octet-stream", "image/nonsense; q=1"]
)
def test_the_bytes_decide_and_not_the_declared_picture_type(declared: str | None) -> None:
    assert intake.decode(png(), declared, MOST).size == (64, 48)


@pytest.mark.parametrize("declared", [None, "image/png"])
def test_what_is_known_to_be_something_else_is_refused_whatever_it_is_declared_as(declared: str | None) -> None:
    with pytest.raises(ApiError, match="a PDF") as refused:
        intake.decode(b"%PDF-1.7\n%more", declared, MOST)
    assert (refused.value.code, refused.value.status) == ("unsupported_type", 415)


@pytest.mark.parametrize(
    ("data", "most", "code", "status"), [(png(), 100, "too_many_pixels", 413), (b"hello", MOST, "undecodable", 422)]
)
def test_what_cannot_be_opened_is_answered_with_its_code(data: bytes, most: int, code: str, status: int) -> None:
    with pytest.raises(ApiError) as refused:
        intake.decode(data, None, most)
    assert (refused.value.code, refused.value.status) == (code, status)
