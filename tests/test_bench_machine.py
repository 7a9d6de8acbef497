"""The machine that figures are of: one measurement at a time, and what a server's processes use."""

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bench import intake, machine


@pytest.fixture(autouse=True)
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "LOCK", tmp_path / "measure.lock")
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.5)


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


OTHER = """
import sys, time
from pathlib import Path
from bench import machine
machine.LOCK = Path(sys.argv[1])
with machine.alone():
    try:
        print("its turn", flush=True)
        time.sleep(float(sys.argv[2]))
    finally:
        print("cleaned up")
"""


def other(seconds: float) -> subprocess.Popen[str]:
    """Another measurement, which says when it has its turn and when it is over."""
    command = [sys.executable, "-c", OTHER, str(machine.LOCK), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).resolve().parents[1])


def test_measurements_wait_for_each_other() -> None:
    with machine.alone():
        second = other(0)
        assert second.stdout is not None
        assert second.stdout.readline() == f"another measurement holds {machine.LOCK}: waiting for it\n"
    assert second.communicate(timeout=60)[0] == "its turn\ncleaned up\n"


def test_a_measurement_that_is_told_to_end_cleans_up() -> None:
    before = signal.getsignal(signal.SIGTERM)
    measures = other(60)
    assert measures.stdout is not None
    assert measures.stdout.readline() == "its turn\n"
    measures.terminate()
    assert measures.communicate(timeout=60)[0] == "cleaned up\n"
    assert measures.returncode == 143
    with machine.alone():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_who_else_is_busy_is_told_before_anything_is_measured(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert machine.now()["busy_cores_before"] == 0.5
    assert capsys.readouterr().out == "warning: 0.5 cores are busy with something else\n"
    monkeypatch.setattr(machine, "busy_cores", lambda: machine.QUIET)
    machine.now()
    assert capsys.readouterr().out == ""


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
