"""The table of the vote's rules."""

import json
import shutil

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.data.code_digest import code_digest
from models.evaluation import vote_rules
from tools import vote_table
from tools.unchanged import digest_of


def shown(weights):
    """The heading and the rows of the table, without what stands below it."""
    heading, _, *rows = [line for line in vote_table.rules(weights).splitlines() if line.startswith("|")]
    return heading, rows


def test_every_rule_has_a_row_with_its_gains_and_the_best_stands_out():
    measured = json.loads((checkpoints.root() / "vote.json").read_text())
    heading, rows = shown(checkpoints.root())
    assert len(rows) == len(measured["rules"])
    assert [row for row in rows if "**" in row] == [row for row in rows if f"**{measured['best']}**" in row] != []
    for row, told in zip(rows, measured["rules"].values(), strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[-3:-1] == [str(told["right"]), str(told["wrong"])]
        assert cells[1] == f"{next(iter(told['accuracy'].values())):.2%}"
    assert all(name in heading for name in measured["n"])


def test_rules_of_other_networks_are_dashes(tmp_path):
    shutil.copytree(checkpoints.root(), tmp_path / "weights")
    file_format.amend(tmp_path / "weights/mnist/nin.lineup", {"created": "another day"})
    heading, rows = shown(tmp_path / "weights")
    assert {row.count("| - ") for row in rows} == {heading.count("|") - 2}


@pytest.fixture
def weights(tmp_path):
    """A copy of the checkpoints with a record of them by the code that is here."""
    shutil.copytree(checkpoints.root(), tmp_path / "weights")
    path = tmp_path / "weights/vote.json"
    told = json.loads(path.read_text())
    told["of"] = {name: digest_of(tmp_path / "weights" / f"{name}.lineup") for name in told["of"] if "/" in name}
    told["of"] |= {vote_rules.CODE: code_digest(vote_rules.CODE)}
    told["rules"] = {name: {**rule, "p_held_out": 0.0123} for name, rule in told["rules"].items()}
    path.write_text(json.dumps(told))
    return tmp_path / "weights"


def test_luck_is_judged_by_held_out_pictures_and_the_heading_says_so(weights):
    heading, rows = shown(weights)
    assert heading.endswith("| p, held out alone |")
    assert {row.split("|")[-2].strip() for row in rows} == {"0.012"}
    path = weights / "vote.json"
    path.write_text(path.read_text().replace('"p_held_out"', '"p"'))
    assert {row.split("|")[-2].strip() for row in shown(weights)[1]} == {"-"}, "that one was of scenes too"


def test_rules_that_other_code_judged_are_told_with_a_line_that_says_so(weights):
    before = vote_table.rules(weights)
    assert before.splitlines()[-1].startswith("|")
    path = weights / "vote.json"
    path.write_text(path.read_text().replace(code_digest(vote_rules.CODE), "12345678"))
    line = "Measured with an earlier comparison of rules; `make figures` measures anew."
    assert vote_table.rules(weights) == f"{before}\n\n{line}"
    told = json.loads(path.read_text())
    del told["of"][vote_rules.CODE]
    path.write_text(json.dumps(told))
    assert vote_table.rules(weights) == before, "until November 2026 none was told"


def test_without_a_record_the_command_is_told(tmp_path):
    assert "models.evaluation.vote_rules" in vote_table.rules(tmp_path)
