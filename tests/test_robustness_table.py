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
    told["corruptions"]["rotated"] = {"strengths": [1, 2, 3], "accuracy": [0.9, 0.3, 0.6]}
    reports.path_for(path, reports.ROBUSTNESS).write_text(json.dumps(told))
    return path


def test_a_row_tells_mean_and_worst_and_what_nobody_measured_is_a_dash(path):
    headings, rows = robustness.rows(path.parents[1])
    assert headings[2:] == [f"{name}: mean, worst" for name in CORRUPTIONS]
    assert len(rows) == len(DATASETS) * len(ARCHITECTURES)
    assert rows[0] == ["mnist/lenet", "99.1% of 2,000", "60.0%, 30.0%", *"----"]
    assert {tuple(row[1:]) for row in rows[1:]} == {tuple("------")}


def test_a_record_of_another_checkpoint_counts_as_none(path):
    file_format.amend(path, {"note": "another digest"})
    assert robustness.rows(path.parents[1])[1][0] == ["mnist/lenet", *"------"]


def measured_as(path, form, instructions, **versions):
    """Write that a checkpoint was measured so."""
    told = {"n": 10, "clean": 0.9, "corruptions": {}, "digest": checkpoints.read_header(path)["digest"]}
    told |= {"form": form, "instructions": instructions, "versions": versions}
    reports.path_for(path, reports.ROBUSTNESS).write_text(json.dumps(told))


def test_below_the_table_stands_in_which_form_and_on_what_each_network_ran(tmp_path):
    mnist, other = (untrained.write(tmp_path, "lenet", dataset) for dataset in DATASETS)
    nin = untrained.write(tmp_path, "nin")
    measured_as(mnist, "int8", "x86_64 avx2", onnxruntime="1.0", numpy="2.0")
    measured_as(nin, "float32", "aarch64", onnxruntime="1.0", numpy="2.0")
    measured_as(other, "int8", "x86_64 avx2", onnxruntime="1.0", numpy="2.0")
    told = "Measured in float32 on aarch64: mnist/nin; in int8 on x86_64 avx2: mnist/lenet, fashion-mnist/lenet."
    assert robustness.circumstances(tmp_path) == f"{told} onnxruntime 1.0, numpy 2.0."
    measured_as(other, "int8-narrow", "x86_64 avx2", onnxruntime="1.1", numpy="2.0")
    lines = robustness.told(tmp_path).splitlines()
    assert lines[:-2] == table(*robustness.rows(tmp_path)).splitlines()
    assert lines[-2:][0] == ""
    assert lines[-1].endswith(
        "in int8-narrow on x86_64 avx2: fashion-mnist/lenet. onnxruntime 1.0, numpy 2.0; onnxruntime 1.1, numpy 2.0."
    )


def test_a_table_of_nothing_and_of_other_checkpoints_tells_no_circumstances(tmp_path):
    path = untrained.write(tmp_path, "lenet")
    measured_as(path, "int8", "x86_64 avx2", onnxruntime="1.0")
    assert robustness.circumstances(tmp_path)
    file_format.amend(path, {"note": "another digest"})
    assert robustness.told(tmp_path) == table(*robustness.rows(tmp_path))


def test_every_heading_is_known_in_chinese(tmp_path):
    head = table(robustness.rows(tmp_path)[0], [])
    shown = chinese.with_headings(head).splitlines()[0]
    assert not {one.strip() for one in shown.strip("|").split("|")} & {
        one.strip() for one in head.strip("|").split("|")
    }


def test_the_records_that_ship_are_whole_and_shown_where_they_are_of_the_checkpoints_that_ship():
    """One of an earlier checkpoint waits for `make figures`, and is not shown meanwhile."""
    rows = {row[0]: row[1:] for row in robustness.rows(WEIGHTS)[1]}
    for record in WEIGHTS.glob(f"*/*{reports.ROBUSTNESS}"):
        name = record.name.removesuffix(reports.ROBUSTNESS)
        digest = checkpoints.read_header(record.with_name(name + checkpoints.SUFFIX))["digest"]
        told = json.loads(record.read_text())
        assert [*told["corruptions"]] == [*CORRUPTIONS]
        assert ("-" not in rows[f"{record.parent.name}/{name}"]) == (told["digest"] == digest)
