"""An evaluation that changes a checkpoint's digest says which records beside it hold no longer."""

import json

import pytest

from models import checkpoints
from models.checkpoints import reports
from models.compiled import record
from models.compiled.record import Record
from models.evaluation import evaluate
from tests import untrained
from tests.idx import write_dataset


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from scenes that may lie in the folder from which the tests are run
    write_dataset(tmp_path / "data", "mnist", train=100, test=40)
    return untrained.write(tmp_path / "weights", "lenet")


@pytest.fixture
def command(path, capsys):
    """Runs `lineup evaluate` and gives back the lines that it prints."""

    def run(*arguments):
        assert evaluate.main(["--model", "lenet", "--dataset", "mnist", "--weights", "weights", *arguments]) == 0
        return capsys.readouterr().out.splitlines()

    return lambda *arguments: run("--data-dir", "data", *arguments)


def write_records(path, digest):
    """What ``--forms`` and ``--robustness`` leave."""
    forms = {"checkpoint": digest, "allowed": ["float32", "int8"], "ranges": {"input": [0, 1]}}
    record.path_for(path).write_text(json.dumps(forms))
    reports.path_for(path, reports.ROBUSTNESS).write_text(json.dumps({"digest": digest, "corruptions": {}}))


def test_what_held_for_the_file_before_is_told_with_what_makes_it_anew(path, command):
    command()
    write_records(path, checkpoints.read_header(path)["digest"])
    first, forms, robustness = command("--test-images", "20")
    assert " of 20, ECE " in first
    assert "lenet.forms.json is of the checkpoint before its figures changed, and no longer holds: lineup" in forms
    assert forms.endswith(
        "--forms --weights weights --model lenet --dataset mnist, and until then it runs in float32 alone"
    )
    assert record.read(path, checkpoints.read_header(path)["digest"]) == Record()
    assert "lenet.robustness.json is of the checkpoint before" in robustness
    assert robustness.endswith("lineup evaluate --robustness --weights weights --model lenet --dataset mnist")


def test_the_folder_that_every_command_looks_in_is_not_named(path, command, monkeypatch):
    command()
    write_records(path, checkpoints.read_header(path)["digest"])
    monkeypatch.setenv("LINEUP_WEIGHTS", "weights")
    _, forms, _ = command("--test-images", "20")
    assert "no longer holds: lineup evaluate --forms --model lenet --dataset mnist" in forms


def test_the_same_figures_leave_them_as_good(path, command):
    command("--test-images", "20")
    write_records(path, checkpoints.read_header(path)["digest"])
    assert len(command("--test-images", "20")) == 1
    assert record.read(path, checkpoints.read_header(path)["digest"]) != Record()


def test_nothing_is_said_of_records_that_are_not_there_or_held_for_no_file_before(path, command):
    assert len(command()) == 1
    write_records(path, "0" * 64)
    assert len(command("--test-images", "20")) == 1
