"""The machine that figures are of: one measurement at a time, and what a server's processes use."""

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from bench import intake, machine


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOCK", tmp_path / "measure.lock")


def test_processor_time_and_memory_are_of_the_whole_family() -> None:
    work = "held = bytes(range(256)) * 400_000\nfor _ in range(2_000_000): pass\nprint('done', flush=True)\ninput()"
    parent = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen(
        [sys.executable, "-c", parent, work], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"done\n"
        assert len(machine.family(process.pid)) == 2
        assert machine.cpu_seconds(process.pid) > 0.02
        assert machine.peak_mb(process.pid) > 100
        process.communicate(b"\n")
    assert machine.peak_mb(process.pid) == 0


def test_measurements_wait_for_each_other(capsys: pytest.CaptureFixture[str]) -> None:
    waited = threading.Event()

    def second() -> None:
        with machine.alone():
            waited.set()

    with machine.alone():
        thread = threading.Thread(target=second)
        thread.start()
        assert not waited.wait(0.1)
    thread.join(30)
    assert waited.is_set()


def test_the_hardware_is_named() -> None:
    found = machine.hardware()
    assert found["processor"]
    assert 1 <= found["cores"] <= (os.cpu_count() or 1)
    assert set(found["flags"]) <= set(machine.FLAGS)


def test_the_intake_waits_its_turn_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[bool] = []
    monkeypatch.setattr(intake, "RECORD", tmp_path / "intake.json")
    monkeypatch.setattr(intake, "decoding", lambda: held.append(is_held()) or {})
    monkeypatch.setattr(intake, "preparing", dict)
    monkeypatch.setattr(intake, "judging", dict)
    intake.main()
    assert held == [True]
    assert not is_held()


def is_held() -> bool:
    """Whether somebody measures."""
    with machine.LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
