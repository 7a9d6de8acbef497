"""The table of the vote's rules."""

import json
import shutil

from models import checkpoints
from models.checkpoints import file_format
from tools import vote_table


def test_every_rule_has_a_row_with_its_gains_and_the_best_stands_out():
    measured = json.loads((checkpoints.root() / "vote.json").read_text())
    heading, _, *rows = vote_table.rules(checkpoints.root()).splitlines()
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
    heading, _, *rows = vote_table.rules(tmp_path / "weights").splitlines()
    assert {row.count("| - ") for row in rows} == {heading.count("|") - 2}


def test_without_a_record_the_command_is_told(tmp_path):
    assert "models.evaluation.vote_rules" in vote_table.rules(tmp_path)
