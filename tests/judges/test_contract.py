"""schemathesis finds nothing against the OpenAPI document of a real server."""

import os

import pytest
from fastapi import FastAPI
from fastapi.responses import Response

from tests.judges import contract
from tests.judges.process import serve
from tests.serving import running

CASES = int(os.environ.get("JUDGE_CASES", "2000"))


@pytest.mark.slow
def test_every_answer_is_as_the_document_says() -> None:
    pytest.importorskip("schemathesis", reason="the extra `judges` is not installed")
    with serve(networks=contract.NETWORKS, device="cpu") as served:
        told = contract.judge(served.url, CASES, examples=100)
        assert not told["found"], told["said"]
        assert told["cases"] >= CASES
        assert "Traceback" not in served.log()


@pytest.mark.slow
def test_what_the_document_does_not_say_is_found() -> None:
    pytest.importorskip("schemathesis", reason="the extra `judges` is not installed")
    app = FastAPI()

    @app.get("/one")
    async def one(size: int) -> Response:
        return Response("no such thing", 418 if size < 5 else 500)

    with running(app) as port:
        told = contract.judge(f"http://127.0.0.1:{port}", 1, examples=10)
    assert {found.partition(" in ")[0] for found in told["found"]} >= {"ServerError", "UndefinedStatusCode"}
