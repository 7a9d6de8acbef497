"""The one shape of errors, and values that are safe to repeat."""

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.errors import SHOWN, STATUS, ApiError, one_of, show


@given(st.text(max_size=300))
def test_a_shown_value_is_short_printable_and_quoted(value: str) -> None:
    shown = show(value)
    assert shown[0] == shown[-1] == "'"
    assert len(shown) <= SHOWN + 2
    assert shown.isprintable()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("resnet19", "'resnet19'"),
        ("", "''"),
        (7, "'7'"),
        ("x" * 64, f"'{'x' * 64}'"),
        ("x" * 65, f"'{'x' * 61}...'"),
        ("a\nb\x00\u202e", "'a\ufffdb\ufffd\ufffd'"),
        ("Stiefelette \u00e4", "'Stiefelette \u00e4'"),
    ],
)
def test_show(value: object, shown: str) -> None:
    assert show(value) == shown


def test_an_unknown_name_lists_the_known() -> None:
    assert one_of("network", "x", ["lenet", "nin"]) == "no network 'x'; there are: lenet, nin"


@pytest.mark.parametrize(("code", "status"), STATUS.items())
def test_each_code_has_its_status(code: str, status: int) -> None:
    error = ApiError(code, "told", retry_after=3)
    assert (error.status, error.code, str(error), error.retry_after) == (status, code, "told", 3)


def test_the_codes_are_those_of_the_contract() -> None:
    assert {status: [c for c, s in STATUS.items() if s == status] for status in sorted(set(STATUS.values()))} == {
        401: ["unauthorized"],
        404: ["unknown_model", "unknown_dataset", "not_found"],
        405: ["method_not_allowed"],
        413: ["too_large", "too_many_pixels"],
        415: ["unsupported_type"],
        422: ["undecodable", "nothing_found", "invalid_parameter"],
        429: ["queue_full", "rate_limited"],
        500: ["internal"],
        501: ["not_available"],
        503: ["not_ready", "model_unavailable", "too_many_connections"],
        504: ["deadline_exceeded"],
    }


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path", ["/nope", "/predict/", "/models/", "/static/nope.js", "/static/../main.py", "/docs/x", "/explain"]
)
async def test_what_is_not_there_is_404_in_the_same_shape(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.json()["error"]["code"] == "not_found"


@pytest.mark.anyio
@pytest.mark.parametrize("path", ["/explain", "/admin/reload"])
async def test_routes_that_are_not_built_do_not_exist(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.post(path)).status_code == 404


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/predict", "POST"),
        ("PUT", "/compare", "POST"),
        ("DELETE", "/models", "GET, HEAD"),
        ("POST", "/models/lenet", "GET, HEAD"),
        ("POST", "/static/docs/docs.js", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_405_and_told_the_right_one(
    client: httpx.AsyncClient, method: str, path: str, allow: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allow
    assert response.json()["error"]["code"] == "method_not_allowed"
    assert allow in response.json()["error"]["message"]
