"""The tables of auto, the gate and real pictures tell figures of the checkpoints that are there, and of no others."""

import json
import shutil
from pathlib import Path

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.data.code_digest import code_digest
from models.evaluation.evaluate_pictures import CODE
from tools import tables, unchanged


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the committed checkpoints and records."""
    shutil.copytree(checkpoints.root(), tmp_path / "weights")
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "weights"))
    return tmp_path / "weights"


def rows(name: str) -> dict[str, list[str]]:
    """Cells of a table by what its rows begin with, without what stands below it."""
    lines = [line for line in tables.TABLES[name]().splitlines() if line.startswith("|")][2:]
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


@pytest.mark.parametrize(
    ("changed", "called"), [(["models.intake.pipeline"], "intake"), ([*CODE], "intake and vote"), ([], None)]
)
def test_real_pictures_of_earlier_code_are_told_with_a_line_that_says_so(
    weights: Path, changed: list[str], called: str | None
) -> None:
    before = {name: rows(name) for name in ("pictures", "strangers")}
    path = weights / "pictures.json"
    told = json.loads(path.read_text())
    told["of"] |= {module: "12345678" if module in changed else code_digest(module) for module in CODE}
    path.write_text(json.dumps(told))
    line = called and f"Measured with an earlier {called}; `make figures` measures anew."
    for name, cells in before.items():
        assert rows(name) == cells
        end = tables.TABLES[name]().splitlines()[-1]
        assert end == line or (line is None and end.startswith("|"))
    assert unchanged.other_code(told) == changed


def test_code_that_has_another_name_now_is_other_code() -> None:
    assert unchanged.other_code({"of": {"models.intake.nothing": "12345678", "auto": "1"}}) == ["models.intake.nothing"]
    assert unchanged.with_note("| a |", {"of": {"models.intake.nothing": "1"}}).endswith(
        "Measured with an earlier models.intake.nothing; `make figures` measures anew."
    )
    assert unchanged.with_note("| a |", {}) == "| a |", "it does not say"
