"""A learning curve tells every epoch once, and goes on from that of the checkpoint that was refined."""

import json

import pytest

from models.training import history, run_log

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")


def line(epoch, pictures, minutes, **more):
    told = {"phase": 0, "epoch": epoch, "pictures": pictures, "minutes": minutes, "loss": 0.5, "accuracy": 0.8}
    return {
        **told,
        "held_out_accuracy": 0.9,
        "learning_rate": 0.001,
        "held_out_n": 1000,
        "pictures_per_second": 700,
        **more,
    }


def test_a_run_from_scratch_tells_each_epoch_in_columns():
    lines = [line(1, 500, 0.1, loss=2.0), line(2, 1000, 0.2, held_out_accuracy=0.95)]
    assert history.joined(None, lines, from_scratch=True) == {
        "from_scratch": True,
        "run": [0, 0],
        "pictures": [500, 1000],
        "seconds": [6.0, 12.0],
        "phase": [0, 0],
        "epoch": [1, 2],
        "learning_rate": [0.001, 0.001],
        "loss": [2.0, 0.5],
        "held_out_accuracy": [0.9, 0.95],
        "held_out_n": [1000, 1000],
    }


def test_a_refined_one_goes_on_where_the_earlier_ended():
    first = history.joined(None, [line(1, 500, 0.5), line(2, 1000, 1.0)], from_scratch=True)
    both = history.joined(first, [line(1, 500, 2.0)], from_scratch=False)
    assert both["run"] == [0, 0, 1]
    assert both["pictures"] == [500, 1000, 1500]
    assert both["seconds"] == [30.0, 60.0, 180.0]
    assert both["epoch"] == [1, 2, 1]
    assert both["from_scratch"]


def test_one_that_refined_an_unknown_past_says_so():
    assert not history.joined(None, [line(1, 500, 1.0)], from_scratch=False)["from_scratch"]


def test_what_a_killed_run_had_not_saved_is_not_told(tmp_path):
    told = [line(1, 500, 1.0), line(2, 1000, 2.0), line(3, 1500, 3.0)]
    (tmp_path / "history.jsonl").write_text("".join(json.dumps(one) + "\n" for one in told) + '{"phase": 0, "epo')
    assert run_log.lines(tmp_path) == told
    run_log.cut(tmp_path, 1200)
    run_log.write(tmp_path, "lenet", line(3, 1400, 2.9))
    assert [one["minutes"] for one in run_log.lines(tmp_path)] == [1.0, 2.0, 2.9]


def test_a_run_that_has_told_nothing_yet_has_no_lines(tmp_path):
    run_log.cut(tmp_path, 0)
    assert run_log.lines(tmp_path) == []


def test_one_that_refined_a_run_killed_after_its_only_epoch_begins_anew():
    nothing = history.joined(None, [], from_scratch=True)
    told = history.joined(nothing, [line(1, 500, 1.0)], from_scratch=False)
    assert (told["run"], told["pictures"], told["from_scratch"]) == ([0], [500], False)
