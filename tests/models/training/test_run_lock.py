"""Two runs of one network never share a folder."""

import errno
import fcntl
from contextlib import ExitStack

import pytest

from models.training import run_lock
from models.training.world import ALONE

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")

LENET = ("--model", "lenet", "--dataset", "mnist", "--epochs", "1")


@pytest.mark.parametrize("resume", [(), ("--resume",)])
def test_a_run_that_is_under_way_is_left_alone_and_the_other_told(run, tmp_path, capsys, resume):
    folder = tmp_path / "runs/mnist/lenet"
    folder.mkdir(parents=True)
    (folder / "state.safetensors").write_bytes(b"of the run that is under way")
    with run_lock.held(folder, ALONE):
        assert run(*LENET, *resume) == 1
    told = f"error: another run of it is under way ({folder}); wait for it or use another --runs\n"
    assert capsys.readouterr().out == told
    assert (folder / "state.safetensors").read_bytes() == b"of the run that is under way"
    assert [*folder.parent.glob("lenet*")] == [folder]


def test_once_it_has_ended_the_other_begins_and_a_look_need_not_wait(run, tmp_path):
    with run_lock.held(tmp_path / "runs/mnist/lenet", ALONE):
        assert run("--model", "lenet", "--dataset", "mnist", "--dry-run") == 0
    assert run(*LENET) == 0
    assert run(*LENET) == 0


def test_another_network_or_dataset_is_another_run(tmp_path):
    with ExitStack() as stack:
        for each in ("mnist/lenet", "mnist/nin", "fashion-mnist/lenet"):
            stack.enter_context(run_lock.held(tmp_path / each, ALONE))


def test_where_a_file_system_has_no_locks_it_trains_all_the_same(tmp_path, monkeypatch):
    def flock(*_):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with run_lock.held(tmp_path / "mnist/lenet", ALONE):
        pass
