"""The measurement of `lineup batch` runs, looks at every row, and says what it measured."""

import json

import pytest

from bench import batch
from tests.idx import write_dataset


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    for name in ("mnist", "fashion-mnist"):
        write_dataset(tmp_path, name, 40, 1)
    monkeypatch.setattr(batch, "BROKEN_EACH", 6)
    monkeypatch.setattr(batch, "LARGE_EACH", 20)
    monkeypatch.setattr(batch, "ROUNDS", 1)
    monkeypatch.setenv("LINEUP_DEVICE", "cpu")
    return tmp_path


def test_the_loop_and_the_command_are_timed_on_the_same_pictures(data_dir):
    found = batch.beside("lenet", 20, data_dir)
    assert found["pictures"] == 20
    for way in ("bare loop", "lineup batch"):
        assert found[way]["pictures_s"] > 0
        assert found[way]["cpu_ms"] > 0


def test_a_bulk_run_is_looked_at_row_by_row(data_dir):
    found = batch.bulk("lenet", 30, data_dir, kills=())
    assert (found["rows"], found["errors"], found["killed_after"]) == (30, {"undecodable": 5}, [])
    assert found["sample"] == {"pictures": 30, "labels_differ": 0, "probabilities_differ": 0, "most": 0.0}
    assert found["peak_mb"] > 50


@pytest.mark.parametrize("wrong", ["lost", "doubled", "swapped", "other"])
def test_rows_that_are_lost_doubled_or_others_are_noticed(data_dir, tmp_path, wrong):
    batch.pack(tmp_path / "x.zip", 8, data_dir)
    work = batch.Work(batch.Settings(), batch.Asked("lenet", "auto"))
    place = batch.Place(tmp_path / "x.zip", "path", 1 << 24, tmp_path / "listing")
    empty = dict.fromkeys(("error_code", "label", "probabilities"))
    (chunk,) = batch.chunks(place.open(), 0, 1 << 24)
    rows = [empty | row for row in work(chunk)]
    work.close()
    assert batch._checked(map(json.loads, map(json.dumps, rows)), tmp_path / "x.zip", "lenet")["rows"] == 8
    if wrong == "other":
        rows[1]["label"] = "another"
    else:
        rows = {"lost": rows[1:], "doubled": [rows[0], *rows], "swapped": [rows[1], rows[0], *rows[2:]]}[wrong]
    with pytest.raises(AssertionError):
        batch._checked(iter(rows), tmp_path / "x.zip", "lenet")
