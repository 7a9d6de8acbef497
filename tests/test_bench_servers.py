"""The servers that are compared, as processes, and what wrk tells of them."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from app.settings import Settings
from bench import machine, servers, wrk
from bench.servers import PORT, PYTHON, RIVALS, SERVERS, NotStartedError, Server
from models import checkpoints
from tools import unchanged

SERVER = str(Path(__file__).with_name("bench_server.py"))


def test_a_server_is_gone_afterwards_with_its_children() -> None:
    parent = "import subprocess, sys; subprocess.run([sys.executable, *sys.argv[1:]])"
    kept = Server((PYTHON, "-c", parent, SERVER, PORT, "7", "0"), {"x": "/"}, "-", "/", ())
    with servers.running(kept, "lenet", servers.pythons(Path("no")), ["lenet"]) as (_, pid):
        members = machine.family(pid)
        assert len(members) == 2
    end = time.monotonic() + 30
    while any(_lives(member) for member in members):
        assert time.monotonic() < end
        time.sleep(0.01)


def _lives(pid: int) -> bool:
    told = machine._stat(pid)
    return told is not None and told[0] != "Z"  # whoever adopts orphans may not have buried it yet


def test_an_interpreter_that_is_not_there_is_named() -> None:
    rival = Server((RIVALS, "-c", ""), {"x": "/"}, "-", "/", ())
    with (
        pytest.raises(NotStartedError, match="no-python cannot be started: No such file"),
        servers.running(rival, "lenet", servers.pythons(Path("no-python")), ["lenet"]),
    ):
        pass


def test_a_server_that_is_never_ready_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(servers, "READY_S", 0.3)
    slow = Server((PYTHON, "-uc", "import time; print('loading'); time.sleep(60)"), {"x": "/"}, "-", "/", ())
    with (
        pytest.raises(NotStartedError, match="not ready after"),
        servers.running(slow, "lenet", servers.pythons(Path("no")), ["lenet"]),
    ):
        pass


def test_the_servers_see_none_of_our_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_DEADLINE_S", "1")
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    seen = servers._environment("lenet", ["lenet", "nin"])
    assert "LINEUP_DEADLINE_S" not in seen
    assert "OMP_NUM_THREADS" not in seen
    assert (seen["LINEUP_NETWORKS"], seen["BENCH_NETWORK"]) == ("lenet,nin", "lenet")


def test_nor_does_what_is_measured_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_DEADLINE_S", "1")
    with servers.nothing_set():
        assert Settings().deadline_s == 10
        assert not [name for name in os.environ if name.startswith(servers.SET_IN_SHELLS)]
    assert Settings().deadline_s == 1


def test_figures_of_one_network_are_of_its_checkpoints_and_of_what_stands_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path))  # which servers do not see
    of = servers.checkpoints_of(["lenet"])
    assert set(of) == {"auto", "gate", "mnist/lenet", "fashion-mnist/lenet"}
    assert of == unchanged_of(of)


def unchanged_of(names: Iterable[str]) -> dict[str, str]:
    return {name: unchanged.digest_of(servers.ROOT / "weights" / f"{name}{checkpoints.SUFFIX}") for name in names}


def test_the_real_servers_are_scripts_that_are_there() -> None:
    for told in SERVERS.values():
        for module in [part.partition(":")[0] for part in told.command if part.startswith("bench.")]:
            assert (servers.ROOT / (module.replace(".", "/") + ".py")).is_file()
        assert PORT in told.command
        assert told.one_network or all("NETWORK" in path for path in told.paths.values())


def test_the_figures_of_wrk_are_read() -> None:
    line = '{"requests": 100, "seconds": 2.0, "p50": 1500.0, "p95": 2000.0, "p99": 3000.0, "max": 9000.0, '
    line += '"connect": 0, "read": 1, "write": 0, "status": 4, "timeout": 2}'
    assert wrk.figures(f"Running 2s test\n 2 threads\n{wrk.MARK}{line}\n") == {
        "n": 96,
        "per_second": 48.0,
        "p50_ms": 1.5,
        "p95_ms": 2.0,
        "p99_ms": 3.0,
        "max_ms": 9.0,
        "errors": 7,
    }


def test_the_script_of_wrk_prints_what_is_read() -> None:
    assert f'io.write("{wrk.MARK}"' in wrk.SCRIPT
    for name in ("requests", "seconds", "p50", "p95", "p99", "max", "connect", "read", "write", "status", "timeout"):
        assert f'"{name}": ' in wrk.SCRIPT


@pytest.mark.parametrize(
    ("rate", "clients", "seconds"),
    [(1000.0, 16, 3), (32.0, 1, 3), (16.0, 1, 4), (16.0, 16, 10), (10.0, 8, 8), (1.0, 1, 60), (0.0, 1, 60)],
)
def test_a_loop_lasts_until_what_is_in_flight_at_its_end_is_a_tenth(rate: float, clients: int, seconds: float) -> None:
    assert wrk.long_enough(3, rate, clients) == seconds


def test_wrk_counts_in_whole_seconds() -> None:
    assert [wrk.lasts(seconds) for seconds in (0.1, 3, 6.4)] == [1, 3, 7]
