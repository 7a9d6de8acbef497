"""The tables of `make bench`, from figures made up here."""

import json
from pathlib import Path
from typing import Any

import pytest

from models import checkpoints
from models.compiled import record as forms_record
from models.compiled.forms import FORMS
from tests import untrained
from tools import speed, tables


def figures(
    per_second: float, lone_ms: float, *, failed: int = 0, p99_ms: float = 50.0, lone_per_second: float = 1.0
) -> dict[str, Any]:
    return {
        "lone": {"per_second": lone_per_second, "p50_ms": lone_ms, "errors": 0, "n": 9, "cpu_ms": 2.5},
        "many": {"per_second": per_second, "errors": failed, "n": 5000, "cpu_ms": 1.25},
        "open": [
            {"share": 0.5, "p99_ms": 1.0, "errors": {}, "n": 3},
            {"share": speed.AT, "p99_ms": p99_ms, "errors": {"503": 2} if failed else {}, "n": 9000},
        ],
        "peak_mb": 1544,
    }


@pytest.fixture
def record() -> dict[str, Any]:
    lenet = {
        "lineup": figures(1234.4, 1.2),
        "lineup, dataset=auto": figures(900.0, 1.5),
        "tutorial": figures(411.5, 2.4, failed=3),
        "litserve": figures(2000, 0.6),
        "bentoml": {"error": "did not start: ended with 1: no module"},
    }
    servers: dict[str, Any] = {name: {"networks": {"lenet": told}} for name, told in lenet.items()}
    servers["lineup"]["compare"] = figures(30, 10)
    servers["tutorial"]["compare"] = figures(5, 60)
    return {
        "date": "2026-11-25T01:02:03+00:00",
        "hardware": {"processor": "AMD EPYC", "cores": 2, "flags": ["avx512_vnni"]},
        "versions": {"python": "3.11.7", "torch": "2.14.1"},
        "load": {"picture": "28x28 PNG", "closed": "wrk 4, 1 and 16 clients"},
        "servers": servers,
    }


def test_speed_is_told_in_multiples_of_others(record: dict[str, Any]) -> None:
    headings, (lenet, seven) = speed.ratios(record)
    assert headings[1] == "Lineup, requests/s (lone, ms)"
    assert lenet == ["lenet", "1,234 (1.2)", "900 (1.5)", "3.0 (2.0), 5 failed", "0.6 (0.5)", "did not start"]
    assert seven == ["all seven", "30.0 (10.0)", "-", "6.0 (6.0)", "-", "-"]


@pytest.mark.parametrize(("server", "cell", "told"), [("litserve", 4, "0.3 (0.5)"), ("lineup", 1, "4,000 (1.2)")])
def test_who_does_more_for_one_client_than_for_many_is_told_by_that(
    record: dict[str, Any], server: str, cell: int, told: str
) -> None:
    record["servers"][server]["networks"]["lenet"]["lone"]["per_second"] = 4000.0
    assert speed.ratios(record)[1][0][cell] == told
    assert speed.costs(record)[1][0][1 if server == "lineup" else 3].split(", ")[1] == "2.5"
    assert "; 9 to 9,000 answers a figure." in speed.circumstances(record)


def test_costs_are_told_of_each(record: dict[str, Any]) -> None:
    headings, rows = speed.costs(record)
    assert headings == ["network", "Lineup", "tutorial", "LitServe", "BentoML"]
    assert rows[0] == ["lenet", "50.0, 1.2, 1,544", "50.0, 1.2, 1,544", "50.0, 1.2, 1,544", "did not start"]


@pytest.mark.parametrize(("answers", "told"), [(99, "-, 1.2"), (100, "50.0, 1.2")])
def test_a_p99_of_too_few_answers_is_not_told_nor_counted(record: dict[str, Any], answers: int, told: str) -> None:
    asked = record["servers"]["litserve"]["networks"]["lenet"]
    asked["lone"]["n"] = asked["many"]["n"] = 6000
    asked["open"][1]["n"] = answers
    record["servers"] = {"lineup": {"networks": {"lenet": asked}}}
    assert speed.costs(record)[1][0][1].startswith(told)
    assert f"; {'6,000' if answers < speed.ENOUGH else '100'} to 6,000 answers" in speed.circumstances(record)


def test_every_answer_behind_a_figure_is_counted(record: dict[str, Any]) -> None:
    record["servers"]["lineup"]["compare"] |= {"open": []}
    record["servers"]["lineup"]["compare"]["lone"]["n"] = 7
    record["servers"]["lineup"]["networks"]["lenet"]["open"][1]["n"] = 12_345
    assert "; 7 to 12,345 answers a figure." in speed.circumstances(record)


def test_a_record_of_lineup_alone_has_tables(record: dict[str, Any]) -> None:
    record["servers"] = {"lineup": {"networks": {"lenet": record["servers"]["lineup"]["networks"]["lenet"]}}}
    assert speed.ratios(record)[1] == [["lenet", "1,234 (1.2)", "-", "-", "-", "-"]]


def test_a_rival_that_answered_nothing_has_no_ratio(record: dict[str, Any]) -> None:
    record["servers"]["litserve"]["networks"]["lenet"] = {"error": "no request was answered"}
    assert speed.ratios(record)[1][0][4] == "no request was answered"


def test_the_circumstances_are_told_below_the_table(
    record: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bench").mkdir()
    (tmp_path / "bench" / "serving.json").write_text(json.dumps(record))
    monkeypatch.setattr(tables, "ROOT", tmp_path)
    text = tables.fill("<!-- table: serving -->\n<!-- end -->\n<!-- table: serving_costs -->\n<!-- end -->\n")
    for told in (
        "| lenet | 1,234 (1.2) |",
        "2026-11-25, 2 cores of an AMD EPYC (avx512_vnni)",
        "9 to 9,000 answers",
        "1,544",
    ):
        assert told in text
    assert tables.fill(text) == text


def test_a_flood_is_told_with_what_it_cost_others() -> None:
    others = {"statuses": {"200": 1623}, "ms": {"p50": 0.5, "p99": 35.2, "most": 600}}
    flood = {"statuses": {"200": 25, "429": 574, "504": 1}, "refused_ms": {"p50": 332.1, "p99": 3818.2}}
    record: dict[str, Any] = {"flood": 600, "vgg11": flood, "lenet": others, "healthz": others}
    _, rows = speed.overload(record)
    assert rows[0] == ["vgg11, 600 at once", "25", "574", "1", "of refusals 332, 3,818"]
    assert rows[1] == ["lenet meanwhile, one by one", "1,623", "0", "0", "0.5, 35.2"]


def test_forms_of_another_checkpoint_are_a_dash(tmp_path: Path) -> None:
    path = untrained.write(tmp_path, "lenet")
    figures = {"accuracy": 0.9, "ece": 0.01, "n": 10_000}
    told = {"allowed": list(FORMS), "measured": dict.fromkeys(FORMS, figures)}
    for digest, shown in ((checkpoints.read_header(path)["digest"], "90.00% (1.00%)"), ("another", "-")):
        forms_record.path_for(path).write_text(json.dumps(told | {"checkpoint": digest}))
        [row] = [row for row in speed.forms(path.parents[1])[1] if row[0] == "mnist/lenet"]
        assert row[1:] == [shown] * len(FORMS)
