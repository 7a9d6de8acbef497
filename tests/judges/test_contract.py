"""schemathesis finds nothing against the OpenAPI document of a real server."""

import os

import pytest

from tests.judges import contract
from tests.judges.process import serve

CASES = int(os.environ.get("JUDGE_CASES", "2000"))


@pytest.mark.slow
def test_every_answer_is_as_the_document_says() -> None:
    pytest.importorskip("schemathesis", reason="the extra `judges` is not installed")
    with serve(networks=contract.NETWORKS, device="cpu") as served:
        told = contract.judge(served, CASES, examples=100)
        assert not told["found"], told["said"]
        assert told["cases"] >= CASES
        assert "Traceback" not in served.log()
