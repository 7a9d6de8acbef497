"""What every route does: HEAD beside GET, and no parameter that is ignored."""

import re
from collections.abc import Iterator

import httpx
import pytest

from app.main import create_app
from tests.documented import operations
from tests.fakes import fake_service
from tests.serving import running, until

GETS = [path.replace("{name}", "lenet") for method, path in operations() if method == "GET"]
PAGES = ["/", "/docs", "/openapi.json", "/static/docs/docs.js"]
CHANGING = {"x-request-id", "date"}


@pytest.fixture(scope="module")
def server() -> Iterator[httpx.Client]:
    with (
        running(create_app(service=fake_service())) as port,
        httpx.Client(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        until(lambda: client.get("/readyz").status_code == 200)
        yield client


@pytest.mark.parametrize("path", [*GETS, *PAGES, "/models/resnet19", "/nope"])
def test_head_is_get_without_the_body(server: httpx.Client, path: str) -> None:
    asked, told = server.get(path), server.head(path)
    assert (told.status_code, told.content) == (asked.status_code, b"")
    if path == "/metrics":  # it counts these two requests
        assert re.fullmatch(r"\d{4,6}", told.headers["content-length"])
        asked.headers["content-length"] = told.headers["content-length"]
    assert {*told.headers.items()} - {*asked.headers.items()} <= {(n, told.headers[n]) for n in CHANGING}
    assert told.headers.keys() == asked.headers.keys()
    assert server.get("/healthz").json() == {"status": "ok"}, "the connection is still in step"


def test_head_is_no_way_to_post(server: httpx.Client) -> None:
    refused = server.head("/predict")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(("method", "path"), operations())
def test_an_unknown_parameter_is_refused_and_the_known_are_named(server: httpx.Client, method: str, path: str) -> None:
    known = operations()[method, path]
    refused = server.request(method, path.replace("{name}", "lenet"), params={"modle": "lenet"}, content=b"\x07")
    error = refused.json()["error"]
    assert (refused.status_code, error["code"]) == (422, "invalid_parameter")
    there = f"there are: {', '.join(known)}" if known else "this route takes none"
    assert error["message"] == f"no parameter 'modle'; {there}"


@pytest.mark.parametrize("query", ["model=lenet&model=vgg11", "model=lenet&top_k=3&model=lenet", "top_k=1&top_k=1"])
def test_a_parameter_given_twice_is_refused(server: httpx.Client, query: str) -> None:
    refused = server.post(f"/predict?{query}", content=b"\x07")
    assert refused.status_code == 422
    name = "top_k" if query.startswith("top_k") else "model"
    assert refused.json()["error"]["message"] == f"the parameter '{name}' is there twice; give it once"


def test_a_page_may_be_linked_with_parameters_of_others(server: httpx.Client) -> None:
    assert server.get("/docs?utm_source=somewhere").status_code == 200


def test_every_known_parameter_is_taken(server: httpx.Client) -> None:
    query = "model=lenet&dataset=mnist&top_k=2&prepare=auto"
    assert server.post(f"/predict?{query}", content=b"\x07").json()["label"] == "7"
