"""The benchmark of the page notes every stroke and every visit; how long they take is for it, not for tests."""

from typing import Any

import pytest

from bench import machine
from bench import page as bench
from models.catalog import ARCHITECTURES
from tests.browser.visits import Visits
from tools import speed

pytestmark = pytest.mark.browser


def test_every_move_and_every_lifted_pen_is_noted(visit: Visits, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "DRAWINGS", 1)
    monkeypatch.setattr(bench, "MOVES", 3)
    noted = bench.strokes(visit(address), bench.asked_while_drawing(address))
    assert {name: len(times) for name, times in noted.items()} == {"light": 3, "seven": 1}
    assert all(0 < time < 60_000 for times in noted.values() for time in times)


def test_every_visit_is_timed(browser: Any, address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "LOADS", 2)
    found = list(bench.loads(browser, address))
    assert len(found) == 2
    assert all(0 < painted < 60_000 and 0 < usable < 60_000 for painted, usable in found)


def test_what_is_asked_while_drawing_is_what_the_page_asks(visit: Visits, real_address: str) -> None:
    light = bench.asked_while_drawing(real_address)
    assert 0 < len(light) < len(ARCHITECTURES)
    page = visit(real_address)
    page.wait_for_selector("#cards .card")
    page.locator("#pad").focus()
    with page.expect_request("**/compare*") as asked:
        page.keyboard.press(" ")  # the pen is down
    assert f"models={'%2C'.join(light)}" in asked.value.url


def test_figures_become_rows() -> None:
    told = bench.told([0.0, 10.0])
    assert told == {"median": 5.0, "p95": 9.5, "n": 2}
    parts = ("first paint", "usable pad", "light networks", "all seven")
    headings, rows = speed.page({"light": ["lenet"], "ms": dict.fromkeys(parts, told)})
    assert [len(row) for row in rows] == [len(headings)] * 4
    assert "lenet" in rows[2][0]


def test_the_files_are_weighed() -> None:
    sizes = bench.sizes()
    assert set(sizes) == {"scripts", "sheets", "vendored scripts"}
    assert all(size > 1000 for size in sizes.values())


def test_what_the_figures_are_of_is_told() -> None:
    record = {"date": "2026-11-25", **machine.hardware(), "busy_cores": 0.1, "chromium": "1.2.3", "gzip": bench.sizes()}
    told = speed.page_circumstances(record)
    assert all(
        part in told for part in ("2026-11-25", record["processor"], "0.1 of them busy", "Chromium 1.2.3", "sheets")
    )
