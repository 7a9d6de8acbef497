"""The measurement of `lineup batch` runs, looks at every row, and says what it measured."""

import json
import os
import sys
from contextlib import contextmanager

import pytest

from app.settings import Settings
from bench import batch, bulk, machine
from tests.idx import write_dataset


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    for name in ("mnist", "fashion-mnist"):
        write_dataset(tmp_path, name, 40, 1)
    monkeypatch.setattr(bulk, "BROKEN_EACH", 6)
    monkeypatch.setattr(bulk, "LARGE_EACH", 20)
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
    found = bulk.bulk("lenet", 30, data_dir, kills=())
    assert (found["rows"], found["errors"], found["killed_after"]) == (30, {"undecodable": 5}, [])
    assert found["sample"] == {"pictures": 30, "probabilities_differ": 0, "most": 0.0}
    assert found["peak_mb"] > 50


@pytest.mark.parametrize("wrong", ["lost", "doubled", "swapped", "other"])
def test_rows_that_are_lost_doubled_or_others_are_noticed(data_dir, tmp_path, wrong):
    bulk.pack(tmp_path / "x.zip", 8, data_dir)
    work = batch.Work(batch.Settings(), batch.Asked("lenet", "auto"))
    place = batch.Place(tmp_path / "x.zip", "path", 1 << 24, tmp_path / "listing")
    empty = dict.fromkeys(("error_code", "label", "probabilities"))
    (chunk,) = batch.chunks(place.open(), 0, 1 << 24)
    rows = [empty | row for row in work(chunk)]
    work.close()
    assert bulk._checked(map(json.loads, map(json.dumps, rows)), tmp_path / "x.zip", "lenet")["rows"] == 8
    if wrong == "other":
        rows[1]["label"] = "another"
    else:
        rows = {"lost": rows[1:], "doubled": [rows[0], *rows], "swapped": [rows[1], rows[0], *rows[2:]]}[wrong]
    with pytest.raises(AssertionError):
        bulk._checked(iter(rows), tmp_path / "x.zip", "lenet")


WAITS = """
import pathlib, sys, time
partial = pathlib.Path(sys.argv[1] + ".partial")
partial.mkdir()
(partial / "0-5.jsonl").touch()
time.sleep(60)
"""


def test_who_is_killed_is_told_from_who_ends_by_itself(tmp_path):
    out = tmp_path / "answers.jsonl"
    kept, peak, killed = bulk._until([sys.executable, "-c", WAITS, str(out)], out, 4)
    assert (kept, killed) == (5, True)
    assert peak > 0
    kept, _, killed = bulk._until([sys.executable, "-c", "raise SystemExit(1)"], out, 6)
    assert (kept, killed) == (5, False)


def test_a_run_that_is_broken_off_computes_no_further(tmp_path, monkeypatch):
    started = []

    def interrupted(pid):
        started.append(pid)
        raise KeyboardInterrupt

    monkeypatch.setattr(bulk.machine, "peak_mb", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bulk._until([sys.executable, "-c", "import time; time.sleep(60)"], tmp_path / "answers.jsonl", 4)
    assert machine._stat(started[0]) is None


def test_a_run_that_ends_before_it_is_killed_is_not_told_as_killed(tmp_path, monkeypatch):
    runs = iter([(4, 90, True), (7, 120, False)])

    def until(command, out, pictures):
        out.touch()
        return next(runs)

    monkeypatch.setattr(bulk, "pack", lambda *_: None)
    monkeypatch.setattr(bulk, "_until", until)
    monkeypatch.setattr(bulk, "_checked", lambda *_: {})
    found = bulk.bulk("lenet", 10, tmp_path, kills=(0.4, 0.6))
    assert (found["killed_after"], found["peak_mb"]) == ([4], 120)


@pytest.fixture
def record(tmp_path, monkeypatch):
    """An empty record, and figures that are there in no time."""
    monkeypatch.setattr(batch, "RECORD", tmp_path / "batch.json")
    monkeypatch.setattr(batch.machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(batch.machine, "busy_cores", lambda: 0.5)
    monkeypatch.setattr(batch, "beside", lambda network, count, _: {"pictures": count})
    monkeypatch.setattr(batch, "bulk", lambda network, count, _: {"rows": count})
    return tmp_path / "batch.json"


def test_what_was_measured_is_kept_whatever_fails_after_it(record, monkeypatch):
    def lost(*_):
        raise AssertionError("rows are lost")

    monkeypatch.setattr(batch, "bulk", lost)
    with pytest.raises(AssertionError, match="rows are lost"):
        batch.main(["--networks", "lenet,nin"])
    found = json.loads(record.read_text())
    assert set(found["beside"]) == {"lenet", "nin"}
    assert found["bulk"] == {}


def test_two_runs_that_wait_for_each_other_keep_each_others_figures(record, monkeypatch):
    """Another's run ends, and keeps what it found, while this one waits for the lock."""
    alone = batch.machine.alone

    @contextmanager
    def after_another():
        with alone():
            record.write_text(json.dumps({"beside": {"vgg11": {"pictures": 3}}, "bulk": {}}))
        with alone():
            yield

    monkeypatch.setattr(batch.machine, "alone", after_another)
    batch.main(["--networks", "lenet"])
    found = json.loads(record.read_text())
    assert set(found["beside"]) == {"vgg11", "lenet"}
    assert found["bulk"]["lenet"]["rows"] == 100_000


@pytest.mark.parametrize("option", ["--pictures=7", "--bulk=10"])
def test_a_trial_is_shown_and_leaves_the_record_as_it_was(option, record, tmp_path, capsys):
    record.write_text("as it was")
    name = option.partition("=")[0]
    batch.main([option])
    told = capsys.readouterr().out
    assert f"{name}: other than in batch.json: shown and not recorded; --record FILE keeps it" in told
    assert '"rows": ' in told
    with pytest.raises(SystemExit):
        batch.main([option, "--record", str(record)])
    assert f"{record}, which is of the defaults, and {name} is other" in " ".join(capsys.readouterr().err.split())
    assert record.read_text() == "as it was"
    batch.main([option, "--record", str(tmp_path / "trial.json")])
    assert json.loads((tmp_path / "trial.json").read_text())["bulk"]["lenet"]["rows"] in (10, 100_000)


def test_another_count_of_another_network_comes_into_no_record_either(record):
    assert batch.main(["--networks=", "--bulk-network=resnet18", "--bulk=10"]) == 0
    assert not record.exists()


def test_a_row_tells_its_checkpoints_and_who_else_was_busy_before(record, capsys):
    assert batch.main(["--networks=nin", "--bulk=0"]) == 0
    row = json.loads(record.read_text())["beside"]["nin"]
    assert set(row["of"]) == {"auto", "gate", "mnist/nin", "fashion-mnist/nin"}
    assert row["busy_cores_before"] == 0.5
    assert "warning: 0.5 cores are busy with something else" in capsys.readouterr().out


def test_what_the_shell_has_set_counts_for_nothing(record, monkeypatch):
    monkeypatch.setenv("LINEUP_DEADLINE_S", "1")
    monkeypatch.setattr(batch, "beside", lambda *_: {"deadline_s": Settings().deadline_s})
    monkeypatch.setattr(batch, "bulk", lambda *_: {"set": "LINEUP_DEADLINE_S" in os.environ})
    batch.main(["--networks=lenet"])
    found = json.loads(record.read_text())
    assert found["beside"]["lenet"]["deadline_s"] == 10
    assert not found["bulk"]["lenet"]["set"]


def test_data_that_is_not_there_is_named(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(batch.machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(batch.machine, "busy_cores", lambda: 0.0)
    assert batch.main(["--networks=lenet", "--data-dir", str(tmp_path), "--record", str(tmp_path / "new.json")]) == 2
    told = (
        f"there is no train-images-idx3-ubyte in {tmp_path}/MNIST/raw; --data-dir names the folder that has MNIST/raw"
    )
    assert told in capsys.readouterr().err


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("--networks=lenet,resnet19", "no 'resnet19'; there are: lenet, alexnet"),
        ("--networks=vote", "no 'vote'; there are: lenet"),  # beside the loop of one network
        ("--bulk-network=resnet19", "--bulk-network: no network 'resnet19'; there are: lenet, alexnet"),
        ("--pictures=0", "--pictures: it is '0'; wanted a whole number from 1 up"),
        ("--bulk=-1", "--bulk: it is '-1'; wanted a whole number from 0 up"),
    ],
)
def test_a_wrong_option_is_named(option, told, record, capsys):
    with pytest.raises(SystemExit):
        batch.main([option])
    assert told in " ".join(capsys.readouterr().err.split())
    assert not record.exists()
