"""The table of the page's speed: its times are as recorded, its weight is of the page as it is."""

import random
import shutil
from pathlib import Path

import pytest

from app.web import pages
from tools import tables


@pytest.fixture
def script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A script of a copy of the page, of which the table is."""
    shutil.copytree(pages.PAGE, tmp_path / "page")
    monkeypatch.setattr(pages, "PAGE", tmp_path / "page")
    monkeypatch.setattr(pages, "OWN", (tmp_path / "page/js", tmp_path / "page/style"))
    return tmp_path / "page/js/draw.js"


def test_a_heavier_script_is_told_at_once(script: Path) -> None:
    before = tables.page()
    told = f"// {random.Random(0).randbytes(3000).hex()}\n"
    script.write_text(script.read_text("utf-8") + told, "utf-8")
    assert tables.page() == before, "comments do not travel"
    script.write_text(script.read_text("utf-8") + told.replace("//", "export const more ="), "utf-8")
    *rows, weight = tables.page().splitlines()
    assert rows == before.splitlines()[:-1]
    assert weight != before.splitlines()[-1]


def test_a_small_change_makes_no_table_anew(script: Path) -> None:
    before = tables.page()
    script.write_text(script.read_text("utf-8") + "0;\n", "utf-8")
    assert tables.page() == before


def test_what_was_not_measured_has_no_weight_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    assert tables.page() == "Not measured yet: `make bench-page`."
