"""A disk that does not take what a run writes is told in one line, and nothing is lost."""

import pytest

from models import checkpoints

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")

LENET = ("--model", "lenet", "--dataset", "mnist", "--epochs", "2")
GOES_ON = "; once that is mended, --resume goes on\n"


def last_line(capsys: pytest.CaptureFixture[str]) -> str:
    return capsys.readouterr().err.splitlines(keepends=True)[-1]


def test_a_folder_of_runs_that_is_none_is_told(run, tmp_path, capsys):
    place = tmp_path / "runs"
    place.write_text("a file")
    assert run(*LENET) == 1
    assert capsys.readouterr().err == f"error: {place / 'mnist'}: Not a directory{GOES_ON}"


def test_a_disk_that_is_full_when_the_state_is_saved_is_told_and_gone_on_from(run, tmp_path, capsys, monkeypatch):
    assert run(*LENET, "--pause-after", "1e-9") == 130
    state = tmp_path / "runs/mnist/lenet/state.safetensors"
    saved = state.read_bytes()

    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr("os.fsync", fsync)
        assert run(*LENET, "--resume") == 1
    assert last_line(capsys) == f"error: {state}: No space left on device{GOES_ON}"
    assert state.read_bytes() == saved
    assert run(*LENET, "--resume") == 0
    assert checkpoints.read_header(tmp_path / "weights/mnist/lenet.lineup")["training"]["pictures"] == 960


def test_what_was_trained_and_cannot_ship_ships_once_it_can(run, tmp_path, capsys):
    weights = tmp_path / "weights"
    weights.write_text("a file")
    assert run(*LENET) == 1
    assert last_line(capsys) == f"error: {weights / 'mnist/lenet.json'}: Not a directory{GOES_ON}"
    weights.unlink()
    assert run(*LENET, "--resume") == 0
    assert checkpoints.read_header(weights / "mnist/lenet.lineup")["training"]["pictures"] == 960
