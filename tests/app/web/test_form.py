"""The multipart form as it comes in pieces: contents, limits, and what is no form."""

import itertools

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_multipart.exceptions import FormParserError

from app.errors import ApiError
from app.web.form import OTHER_PARTS, Form

BOUNDARY = b"the-boundary"


def encode(parts: list[tuple[str, bytes]], name: str = "files") -> bytes:
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY.decode()}"}
    files = [(field, ("a.png", content, "image/png")) for field, content in parts]
    return httpx.Request("POST", "http://test", files=files, headers=headers).read()


def form(**limits: int) -> Form:
    return Form(BOUNDARY, "files", **{"most_files": 4, "most_bytes": 1000, "most_bytes_each": 500, **limits})


def read(it: Form, body: bytes) -> list[tuple[bytes, str] | ApiError]:
    it.feed(body)
    return taken(it)


def taken(it: Form) -> list[tuple[bytes, str] | ApiError]:
    return [one if isinstance(one, ApiError) else (b"".join(one.pieces), one.media_type) for one in it.files()]


@given(
    st.lists(st.binary(min_size=1, max_size=200), min_size=1, max_size=4),
    st.lists(st.integers(0, 2000), max_size=20),
)
def test_contents_arrive_whole_however_the_body_is_cut(contents: list[bytes], cuts: list[int]) -> None:
    body = encode([("files", content) for content in contents])
    it = form()
    places = [0, *sorted(min(cut, len(body)) for cut in cuts), len(body)]
    for start, end in itertools.pairwise(places):
        it.feed(body[start:end])
    assert taken(it) == [(content, "image/png") for content in contents]


PIECES = [
    b"--the-boundary",
    b"--",
    b"\r\n",
    b"\n",
    b'Content-Disposition: form-data; name="files"; filename="a.png"\r\n',
    b'content-disposition: form-data; name="files"\r\n',
    b'Content-Disposition: form-data; name="other"\r\n',
    b'Content-Disposition: form-data; name="files"; filename="a\\";b=c"\r\n',
    b'Content-Disposition: attachment; name="files"\r\n',
    b"Content-Type: image/PNG; q=1\r\n",
    b"X: y\r\n",
    b"data",
    b"x" * 501,
]
PLAIN = [PIECES[i] for i in (0, 2, 4, 9, 2, 11, 2, 0, 1, 2)]


@given(
    st.lists(st.sampled_from(PIECES), max_size=12)
    | st.tuples(st.integers(0, 9), st.integers(0, 2), st.lists(st.sampled_from(PIECES), max_size=3)).map(
        lambda change: [*PLAIN[: change[0]], *change[2], *PLAIN[change[0] + change[1] :]]
    )
)
def test_a_form_that_is_taken_whole_is_the_same_to_the_parser(pieces: list[bytes]) -> None:
    def outcome(it: Form) -> list[tuple[bytes, str] | str] | str:
        try:
            it.feed(b"".join(pieces))
            return [str(one) if isinstance(one, ApiError) else one for one in taken(it)]
        except ApiError as error:
            return error.message
        except FormParserError:
            return "no form"

    parsed = form()
    parsed._parser = parsed._make_parser()
    assert outcome(form()) == outcome(parsed)


def test_a_plain_form_needs_no_parser() -> None:
    it = form()
    it.feed(b"".join(PLAIN))
    assert it._parser is None
    assert taken(it) == [(b"data", "image/png")]


@given(st.binary(max_size=300))
def test_what_is_no_form_is_refused_and_nothing_else_happens(body: bytes) -> None:
    with pytest.raises((ApiError, FormParserError)):
        read(form(), body)


def test_other_fields_are_skipped() -> None:
    it = form()
    it.feed(encode([("note", b"x" * 900), ("files", b"1"), ("other", b"y")]))
    assert taken(it) == [(b"1", "image/png")]


def test_a_field_without_a_type_has_none() -> None:
    it = form()
    disposition = b'Content-Disposition: form-data; name="files"; filename="a"'
    it.feed(b"--" + BOUNDARY + b"\r\n" + disposition + b"\r\n\r\nabc\r\n--" + BOUNDARY + b"--\r\n")
    assert taken(it) == [(b"abc", "")]


def test_a_file_chooser_left_empty_is_no_file_but_an_empty_file_is_one() -> None:
    it = form()
    chosen = encode([("files", b"1"), ("files", b"")])
    nothing = b'--the-boundary\r\nContent-Disposition: form-data; name="files"; filename=""\r\n\r\n\r\n'
    first, second = read(it, nothing + chosen)
    assert first == (b"1", "image/png")
    assert isinstance(second, ApiError)
    assert second.message == "the file is empty; send a picture"


def test_a_file_that_is_too_large_is_refused_in_its_place() -> None:
    it = form()
    it.feed(encode([("files", b"1"), ("files", b"x" * 501), ("files", b"2")]))
    first, second, third = taken(it)
    assert (first, third) == ((b"1", "image/png"), (b"2", "image/png"))
    assert isinstance(second, ApiError)
    assert (second.code, second.message) == ("too_large", "the file has 501 bytes; at most 500 are taken")


@pytest.mark.parametrize(
    ("parts", "limits", "code", "told"),
    [
        ([("files", b"x")] * 5, {}, "too_large", "more than 4 files"),
        ([("files", b"x")] * 2, {"most_files": 1}, "invalid_parameter", "send one picture"),
        ([("files", b"x" * 400)] * 3, {}, "too_large", "more than 1000 bytes"),
        ([("other", b"")] * (OTHER_PARTS + 1), {}, "invalid_parameter", "too many fields besides 'files'"),
        ([("other", b"x"), ("n\x1b" * 50, b"")], {}, "invalid_parameter", "'files' is missing; the form has 'other', "),
    ],
)
def test_limits(parts: list[tuple[str, bytes]], limits: dict[str, int], code: str, told: str) -> None:
    it = form(**limits)
    with pytest.raises(ApiError) as caught:
        read(it, encode(parts))
    assert caught.value.code == code
    assert told in caught.value.message
    assert caught.value.message.isprintable()
    assert len(caught.value.message) < 400


def test_a_body_that_breaks_off_is_refused() -> None:
    it = form()
    it.feed(encode([("files", b"abc")])[:-10])
    with pytest.raises(ApiError, match="ends before its last boundary"):
        it.files()
