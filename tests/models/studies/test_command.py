"""`python -m models.studies`: what it costs, what it writes, and what it says of wrong requests."""

from __future__ import annotations

import pytest

from models.studies import __main__ as command
from models.studies import registry
from models.studies.registry import STUDIES
from tests.models.studies.made_up import tiny


def test_the_command_runs_records_and_renews(data_dir, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(registry, "STUDIES", {"head": tiny(STUDIES["head"])})
    asked = [
        "head",
        "--data-dir",
        str(data_dir),
        "--seeds",
        "1",
        "--records",
        str(tmp_path),
        "--runs",
        str(tmp_path / "r"),
    ]
    assert command.main(asked) == 0
    said = capsys.readouterr().out
    assert said.index("minutes of a core") < said.index("head/pooled final")
    svg = (tmp_path / "head.svg").read_bytes()
    (tmp_path / "head.svg").unlink()
    assert command.main(["head", "--from-records", "--records", str(tmp_path)]) == 0
    assert (tmp_path / "head.svg").read_bytes() == svg
    assert command.main(asked) == 0
    assert ", kept" in capsys.readouterr().out


def test_a_dry_run_tells_the_cost_and_runs_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(registry, "STUDIES", {"head": tiny(STUDIES["head"])})
    assert command.main(["--dry-run", "--data-dir", str(tmp_path), "--records", str(tmp_path)]) == 0
    assert "all: about" in capsys.readouterr().out
    assert not list(tmp_path.iterdir())


def test_fewer_seeds_do_not_overwrite_the_records(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(registry, "STUDIES", {"head": tiny(STUDIES["head"])})
    monkeypatch.setattr(command.record, "FOLDER", tmp_path / "studies")
    asked = ["head", "--seeds", "2", "--data-dir", str(tmp_path / "no data")]
    with pytest.raises(SystemExit) as stopped:
        command.main([*asked, "--records", str(tmp_path / "else" / ".." / "studies")])
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert f"--seeds is 2, and {tmp_path / 'studies'} would be overwritten; wanted 3 or more, or --records" in said
    assert command.main([*asked, "--records", str(tmp_path / "else")]) == 2
    assert "no data" in capsys.readouterr().err, "it would have run"
    assert command.main([*asked, "--records", str(tmp_path / "studies"), "--dry-run"]) == 0


def test_wrong_names_and_counts_are_told(capsys):
    assert command.main(["headd"]) == 2
    assert "no study 'headd'; there are: activation, regularisation" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        command.main(["--seeds", "0"])
    assert "it is '0'; wanted a whole number from 1 up" in capsys.readouterr().err
