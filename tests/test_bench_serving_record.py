"""What becomes of the record of `make bench`, which is a whole one or stays as it was; nothing is measured here."""

import json
from pathlib import Path
from typing import Any

import pytest

from bench import serving
from bench.servers import Server
from tests.bench.unmeasured import unmeasured


@pytest.fixture
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A record that is there, in place of the real one; and servers that are measured in no time."""
    unmeasured(monkeypatch, tmp_path, serving)
    monkeypatch.setattr(serving, "RECORD", tmp_path / "whole.json")
    monkeypatch.setattr(serving, "measure_server", lambda server, *_: {key: {"networks": {}} for key in server.paths})
    monkeypatch.setattr(serving, "_versions", lambda _: {})
    serving.RECORD.write_text("as it was")
    return serving.RECORD


@pytest.mark.parametrize(
    "option", ["--networks=lenet", "--servers=lineup", "--shares=.5", "--seconds=.2", "--rivals-python=python3"]
)
def test_what_has_other_options_is_shown_and_leaves_the_record_as_it_was(
    option: str, whole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = option.partition("=")[0]
    assert serving.main([option]) == 0
    assert (
        f"{name}: other than in whole.json: shown and not recorded; --record FILE keeps it" in capsys.readouterr().out
    )
    assert serving.main([option, "--record", str(whole)]) == 2
    assert (
        f"--record is {whole}, which is of the defaults, and {name} is other; name another" in capsys.readouterr().err
    )
    assert whole.read_text() == "as it was"
    assert serving.main([option, "--record", str(tmp_path / "part.json")]) == 0
    found = json.loads((tmp_path / "part.json").read_text())
    assert found["servers"]
    assert found["load"]["closed"].startswith(f"wrk 4, {1 if name == '--seconds' else 3} s, 1 and 16 clients")


def test_an_interrupted_run_leaves_the_record_as_it_was_and_a_whole_one_is_kept(
    whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure = serving.measure_server

    def interrupted(server: Server, *more: Any) -> dict[str, Any]:
        if "lineup" in server.paths:
            raise KeyboardInterrupt
        return measure(server, *more)

    with monkeypatch.context() as patch:
        patch.setattr(serving, "measure_server", interrupted)
        with pytest.raises(KeyboardInterrupt):
            serving.main([])
    assert whole.read_text() == "as it was"
    assert serving.main([]) == 0
    assert list(json.loads(whole.read_text())["servers"])[-2:] == ["lineup", "lineup, dataset=auto"]


@pytest.mark.parametrize("row", ["networks", "compare"])
def test_a_row_of_lineups_without_figures_replaces_no_record(
    row: str, whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = {"error": "out of luck"}
    failed = {"networks": {"vgg11": wrong}, "compare": {}} if row == "networks" else {"networks": {}, "compare": wrong}

    def measure(server: Server, *_: Any) -> dict[str, Any]:
        return {key: failed if key in who else {"networks": {}} for key in server.paths}

    monkeypatch.setattr(serving, "measure_server", measure)
    who = ["lineup, dataset=auto"]
    assert serving.main([]) == 1
    assert whole.read_text() == "as it was"
    told = {"networks": "vgg11", "compare": "all seven"}[row]
    assert f"no figures of lineup, dataset=auto: {told}: {whole} stays as it was" in capsys.readouterr().err
    assert serving.main(["--record", str(tmp_path / "new.json")]) == 1
    assert json.loads((tmp_path / "new.json").read_text())["servers"]["lineup, dataset=auto"] == failed
    who = ["bentoml", "tutorial"]  # a rival's row says why it has none
    assert serving.main([]) == 0
    assert json.loads(whole.read_text())["servers"]["bentoml"] == failed
