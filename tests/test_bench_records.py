"""Records are replaced and not written into: who reads one meanwhile, or is interrupted, has the old one whole."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import batch, cluster, intake, machine, overload, page, servers, wrk
from models import checkpoints
from tests.bench import records
from tools import unchanged

Patch = pytest.MonkeyPatch


def of_the_batch(path: Path, patch: Patch) -> None:
    patch.setattr(batch, "RECORD", path)
    patch.setattr(batch, "beside", lambda *_: {})
    batch.main(["--networks", "lenet", "--bulk", "0"])


def of_the_intake(path: Path, patch: Patch) -> None:
    patch.setattr(intake, "RECORD", path)
    for part in ("decoding", "preparing", "judging"):
        patch.setattr(intake, part, dict)
    intake.main()


def of_the_flood(path: Path, patch: Patch) -> int:
    async def flooded(port: int, flood: int) -> dict[str, Any]:
        return {"vgg11": {}}

    patch.setattr(overload, "flooded", flooded)
    return overload.main(["--record", str(path)])


def of_the_page(path: Path, patch: Patch) -> int:
    patch.setattr(shutil, "which", lambda name: name)
    patch.setattr(page, "RECORD", path)
    patch.setattr(page, "measure", lambda *_: {"ms": {}})
    return page.main()


def of_the_cluster(path: Path, patch: Patch) -> None:
    patch.setattr(cluster, "_lacks", lambda: None)
    patch.setattr(cluster, "measure_way", lambda *_: {})
    cluster.main(["--record", str(path)])


def of_training(path: Path, patch: Patch) -> None:
    train = pytest.importorskip("bench.train", reason="belongs to the extra `torch`")
    figures = {"ours": 2.0, "textbook": 1.0, "times": 2.0}
    patch.setattr(train, "compare", lambda *_: figures)
    train.main(["--model", "lenet", "--device", "cpu", "--record", str(path)])


def of_capacity(path: Path, patch: Patch) -> None:
    pytest.importorskip("simpy", reason="the extra `dev` has it")
    from bench.capacity import __main__ as capacity

    patch.setattr(capacity, "SIMULATED", {})
    patch.setattr(capacity.one_process, "SECONDS", 1.2)
    capacity.main(["--records", str(records.written(path.parent)), "--record", str(path)])


@pytest.fixture(autouse=True)
def unmeasured(tmp_path: Path, monkeypatch: Patch) -> None:
    monkeypatch.setattr(machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.5)
    monkeypatch.setattr(servers, "running", lambda *_: nullcontext(("http://127.0.0.1:1", 1)))
    monkeypatch.setattr(wrk, "version", lambda: "wrk 4")


@pytest.mark.parametrize(
    "measure",
    [of_the_batch, of_the_intake, of_the_flood, of_the_page, of_the_cluster, of_training, of_capacity],
)
def test_an_old_record_is_whole_to_whoever_has_it_open(
    measure: Callable[[Path, Patch], object], tmp_path: Path, monkeypatch: Patch
) -> None:
    old = {"beside": {}, "bulk": {}, "was": "there"}
    record = tmp_path / "record.json"
    record.write_text(json.dumps(old))
    with record.open() as opened:
        measure(record, monkeypatch)
        assert json.loads(opened.read()) == old
    assert json.loads(record.read_text()) != old


@pytest.mark.parametrize("measure", [of_the_intake, of_the_flood, of_the_page, of_the_cluster])
def test_a_record_says_of_which_checkpoints_and_code_it_is(
    measure: Callable[[Path, Patch], object], tmp_path: Path, monkeypatch: Patch
) -> None:
    measure(tmp_path / "record.json", monkeypatch)
    found = json.loads((tmp_path / "record.json").read_text())
    code = {"models.intake.pipeline"} if measure is of_the_intake else {"mnist/lenet", "fashion-mnist/densenet"}
    assert {"auto", "gate", *code} <= found["of"].keys()
    assert unchanged.whole(found, checkpoints.root())
    assert unchanged.other_code(found) == []


@pytest.mark.parametrize("measure", [of_the_flood, of_the_page])
def test_a_service_that_does_not_start_is_told_and_replaces_no_record(
    measure: Callable[[Path, Patch], int], tmp_path: Path, monkeypatch: Patch, capsys: pytest.CaptureFixture[str]
) -> None:
    @contextmanager
    def running(*_: object) -> Iterator[tuple[str, int]]:
        raise servers.NotStartedError("ended with 1: no port")
        yield

    monkeypatch.setattr(servers, "running", running)
    record = tmp_path / "record.json"
    record.write_text("as it was")
    assert measure(record, monkeypatch) == 1
    assert capsys.readouterr().err == "bench: `lineup serve` did not start: ended with 1: no port\n"
    assert record.read_text() == "as it was"
