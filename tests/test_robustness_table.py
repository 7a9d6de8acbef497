"""The table of spoiled pictures: of records made up here, and of those that ship."""

import json

import pytest

from models import checkpoints
from models.catalog import ARCHITECTURES
from models.checkpoints import file_format, reports
from models.datasets import DATASETS
from models.evaluation.corruptions import CORRUPTIONS
from tests import untrained
from tests.fakes import WEIGHTS
from tools import chinese, robustness
from tools.markdown import table


@pytest.fixture
def path(tmp_path):
    path = untrained.write(tmp_path, "lenet")
    told = {"n": 2000, "clean": 0.991, "corruptions": {}, "digest": checkpoints.read_header(path)["digest"]}
    told |= {"form": "int8", "instructions": "x86_64 avx2 avx512f"}
    told["corruptions"]["rotated"] = {"strengths": [1, 2, 3], "accuracy": [0.9, 0.3, 0.6]}
    reports.path_for(path, reports.ROBUSTNESS).write_text(json.dumps(told))
    return path


def test_a_row_tells_mean_and_worst_and_what_nobody_measured_is_a_dash(path):
    headings, rows = robustness.rows(path.parents[1])
    assert headings[2:] == [*(f"{name}: mean, worst" for name in CORRUPTIONS), "ran in"]
    assert len(rows) == len(DATASETS) * len(ARCHITECTURES)
    assert rows[0] == ["mnist/lenet", "99.1% of 2,000", "60.0%, 30.0%", *"----", "int8, avx512f"]
    assert {tuple(row[1:]) for row in rows[1:]} == {tuple("-------")}


def test_a_record_of_another_checkpoint_counts_as_none(path):
    file_format.amend(path, {"note": "another digest"})
    assert robustness.rows(path.parents[1])[1][0] == ["mnist/lenet", *"-------"]


def test_every_heading_is_known_in_chinese(tmp_path):
    head = table(robustness.rows(tmp_path)[0], [])
    shown = chinese.with_headings(head).splitlines()[0]
    assert not {one.strip() for one in shown.strip("|").split("|")} & {
        one.strip() for one in head.strip("|").split("|")
    }


def test_every_network_that_ships_has_a_whole_row():
    assert not [row for row in robustness.rows(WEIGHTS)[1] if "-" in row]
