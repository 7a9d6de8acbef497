"""The measurement of a flood, of which the flood itself is a fake: only what becomes of its figures."""

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from bench import machine, overload, servers


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    async def flooded(port: int, flood: int) -> dict[str, Any]:
        return {"asked": flood}

    monkeypatch.setattr(machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.5)
    monkeypatch.setattr(servers, "running", lambda *_: nullcontext(("http://127.0.0.1:1", 1)))
    monkeypatch.setattr(overload, "flooded", flooded)
    monkeypatch.setattr(overload, "RECORD", tmp_path / "overload.json")
    overload.RECORD.write_text("as it was")
    return overload.RECORD


def test_another_flood_is_shown_and_leaves_the_record_as_it_was(
    record: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert overload.main(["--flood", "3"]) == 0
    told = capsys.readouterr().out
    assert "--flood: other than in overload.json: shown and not recorded; --record FILE keeps it" in told
    assert '"asked": 3' in told
    assert overload.main(["--flood", "3", "--record", str(record)]) == 2
    assert f"--record is {record}, which is of the defaults, and --flood is other" in capsys.readouterr().err
    assert record.read_text() == "as it was"
    assert overload.main(["--flood", "3", "--record", str(tmp_path / "trial.json")]) == 0
    assert json.loads((tmp_path / "trial.json").read_text())["flood"] == 3


def test_the_flood_of_the_record_is_recorded(record: Path) -> None:
    assert overload.main([]) == 0
    assert json.loads(record.read_text())["asked"] == overload.FLOOD


def test_a_flood_that_is_not_answered_is_told(
    record: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def flooded(port: int, flood: int) -> dict[str, Any]:
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(overload, "flooded", flooded)
    assert overload.main([]) == 1
    told = capsys.readouterr().err
    assert told == "bench: not all of 600 requests at once were answered: [Errno 24] Too many open files\n"
    assert record.read_text() == "as it was"


@pytest.mark.parametrize("flood", ["0", "-3", "many"])
def test_a_flood_of_nobody_is_refused(flood: str, record: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        overload.main(["--flood", flood])
    assert f"--flood: it is '{flood}'; wanted a whole number from 1 up" in capsys.readouterr().err
    assert record.read_text() == "as it was"
