"""The tables of auto, the gate and real pictures tell figures of the checkpoints that are there, and of no others."""

import json
import shutil
from pathlib import Path

import pytest

from models import checkpoints
from models.checkpoints import file_format
from tools import tables


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the committed checkpoints and records."""
    shutil.copytree(checkpoints.root(), tmp_path / "weights")
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def rows(name: str) -> dict[str, list[str]]:
    """Cells of a table by what its rows begin with."""
    lines = tables.TABLES[name]().splitlines()[2:]
    cells = [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in lines]
    return {row[0]: row[1:] for row in cells}


def change(path: Path) -> None:
    file_format.amend(path, {"created": "another day"})


def test_auto_and_the_gate_are_told_by_what_their_own_files_say(weights: Path) -> None:
    for name in ("auto", "gate"):
        before = rows(name)
        (weights / f"{name}.json").write_text("{}")  # as one of another file
        assert rows(name) == before
        path = weights / f"{name}.lineup"
        told = checkpoints.read_header(path)["metrics"]
        file_format.amend(path, {"metrics": {}})  # trained and not measured yet
        assert {cell for row in rows(name).values() for cell in row} == {"-"}
        key, figures = next(iter(told.items()))
        file_format.amend(path, {"metrics": {key: figures | {"n": 12_345}}})
        assert "12,345" in {cells[-1] for cells in rows(name).values()}
        path.unlink()
        assert {cell for row in rows(name).values() for cell in row} == {"-"}


def test_real_pictures_are_of_the_networks_that_are_there(weights: Path) -> None:
    told = json.loads((weights / "pictures.json").read_text())["sets"]
    before = rows("pictures")
    change(weights / "mnist/alexnet.lineup")
    for name, cells in rows("pictures").items():
        changed = [number for number, cell in enumerate(cells) if cell != before[name][number]]
        assert changed == ([1, 7, 8] if told[name]["dataset"] == "mnist" else [])  # AlexNet, the vote, calibration
        assert {cells[number] for number in changed} <= {"-"}


def test_real_pictures_are_of_auto_and_the_gate_that_are_there(weights: Path) -> None:
    before = rows("pictures")
    change(weights / "auto.lineup")
    assert rows("pictures") == {name: [*cells[:9], "-", *cells[10:]] for name, cells in before.items()}
    assert "-" not in {cell for row in rows("strangers").values() for cell in row}
    change(weights / "gate.lineup")
    assert {cell for row in rows("strangers").values() for cell in row} == {"-"}
