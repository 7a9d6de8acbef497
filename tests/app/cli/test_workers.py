"""`lineup serve --workers 2`, with real processes and real signals."""

import asyncio
import errno
import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from app.cli import main, serving, supervisor
from app.settings import Settings, cores
from app.web import listening
from tests.served import alive, served, until

OPEN = Path("/proc/self/fd")
REQUESTS = re.compile(r'lineup_requests_total\{.*route="/limits"')


def test_workers_share_the_port_and_the_dead_are_replaced(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2", drain_s=0.5, admin_key="sesame") as it:
        until(lambda: it.log.read_text().count("lenet for fashion-mnist is ready") == 2)
        first = it.children()
        assert len(first) == 2
        assert [it.status("/limits") for _ in range(20)] == [200] * 20
        told = it.get("/metrics").text  # of all workers, whoever answered
        assert sum(float(line.split()[-1]) for line in told.splitlines() if REQUESTS.match(line)) == 20
        dead = min(first)
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(it.children() - {dead}) == 2)
        assert all(it.status("/readyz") in (200, 503) for _ in range(20))
        until(lambda: it.log.read_text().count("lenet for fashion-mnist is ready") == 3)
        assert f"(process {dead}) died of SIGKILL" in it.log.read_text()
        it.process.send_signal(signal.SIGHUP)
        until(lambda: it.log.read_text().count("checkpoints were exchanged") == 2)
        assert it.post("/admin/reload", headers={"X-API-Key": "sesame"}).status_code == 200
        until(lambda: it.log.read_text().count("checkpoints were exchanged") == 4)
        workers = it.children()
        it.process.send_signal(signal.SIGTERM)
        until(lambda: it.status("/readyz") == 503)
        assert it.process.wait(30) == 0
        assert not any(alive(pid) for pid in workers)
    assert not list(tmp_path.glob("lineup-metrics-*"))


def test_a_reload_kills_no_worker_that_is_starting_and_reaches_it_then(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2", drain_s=0) as it:
        until(lambda: len(it.children()) == 2)
        it.process.send_signal(signal.SIGHUP)
        until(lambda: it.log.read_text().count("checkpoints were exchanged") == 2 or "died of" in it.log.read_text())
        assert "died of" not in it.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT], ids=["dies", "twice", "group"])
def test_no_worker_outlives_its_supervisor(tmp_path: Path, sig: signal.Signals) -> None:
    with served(tmp_path, "--workers", "2", drain_s=600 if sig == signal.SIGTERM else 0) as it:
        until(lambda: it.log.read_text().count("Application startup complete") == 2)
        workers = it.children()
        if sig == signal.SIGINT:  # as a terminal does
            for pid in workers:
                os.kill(pid, sig)
        it.process.send_signal(sig)
        if sig == signal.SIGTERM:
            until(lambda: it.status("/readyz") == 503 and "draining" in it.get("/readyz").text)
            it.process.send_signal(sig)
        code = {signal.SIGKILL: -signal.SIGKILL, signal.SIGTERM: 128 + signal.SIGTERM, signal.SIGINT: 0}[sig]
        assert it.process.wait(30) == code
        until(lambda: not any(alive(pid) for pid in workers))


def test_workers_that_die_at_their_start_end_the_service(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import os; os._exit(7)")
    monkeypatch.setattr(supervisor, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "_path", lambda _: str(tmp_path))
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    sockets = listening.bind("127.0.0.1", 0)
    assert asyncio.run(supervisor.Supervisor(2, sockets, environment, 30).run()) == 1
    assert "ended with code 7 before it took a connection, 3 times in a row: the service ends" in caplog.text


STAND_IN = """
import os, sys, time
number = next(n for n in range(99) if not os.path.exists(f"{place}/{n}"))
os.close(os.open(f"{place}/{number}", os.O_CREAT))
if number == 3:
    os.close(os.open(f"{place}/crash", os.O_CREAT))
if number in (1, 2, 3, 4):
    os._exit(code)
os.write(int(sys.orig_argv[4]), b"1")
while not (number == 0 and os.path.exists(f"{place}/crash")):
    time.sleep(0.01)
os._exit(9)
"""


@pytest.mark.parametrize("code", [supervisor.CANNOT_BE, 7])
def test_while_one_serves_another_is_tried_again_however_often(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, code: int
) -> None:
    """Its settings are the same: what it wants may be gone for a moment, as checkpoints that are exchanged. The one
    that serves crashes meanwhile: what failed before that is not held against those who start then.
    """
    (tmp_path / "sitecustomize.py").write_text(f"place, code = {str(tmp_path)!r}, {code}\n{STAND_IN}")
    monkeypatch.setattr(supervisor, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "_path", lambda _: str(tmp_path))
    workers = supervisor.Supervisor(
        2, listening.bind("127.0.0.1", 0), {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}, 30
    )
    keep = workers._keep

    async def one_after_the_other(number: int) -> None:
        if number:
            while not workers._has_served:
                await asyncio.sleep(0.01)
        await keep(number)

    async def until_two_serve() -> int:
        running = asyncio.create_task(workers.run())
        while sum(worker.has_started for worker in workers._workers.values()) < 2:
            assert not running.done()
            await asyncio.sleep(0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        return await running

    monkeypatch.setattr(workers, "_keep", one_after_the_other)
    assert asyncio.run(asyncio.wait_for(until_two_serve(), 60)) == 0
    assert caplog.text.count(f"ended with code {code}") == 4
    assert caplog.text.count("ended with code 9") == 1


def test_a_worker_that_the_system_has_no_process_for_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import os; os._exit({supervisor.CANNOT_BE})")  # the end of the test
    monkeypatch.setattr(supervisor, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(supervisor, "_path", lambda _: str(tmp_path))
    start, refused = asyncio.create_subprocess_exec, [errno.EMFILE, errno.ENOMEM, errno.EAGAIN]

    async def busy(*args: Any, **options: Any) -> asyncio.subprocess.Process:
        if refused:
            raise OSError(refused[-1], os.strerror(refused.pop()))
        return await start(*args, **options)

    monkeypatch.setattr(asyncio, "create_subprocess_exec", busy)
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    sockets, before = listening.bind("127.0.0.1", 0), len(list(OPEN.iterdir()))
    assert asyncio.run(supervisor.Supervisor(1, sockets, environment, 30).run()) == supervisor.CANNOT_BE
    assert "worker 1 of 1 cannot be started: Resource temporarily unavailable; another try" in caplog.text
    assert len(re.findall("cannot be started", caplog.text)) == 3
    assert len(list(OPEN.iterdir())) < before  # what listens is closed at the end, and nothing is left open


def test_workers_are_told_what_the_command_line_decided(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINEUP_PORT", "tcp://10.3.2.1:8000")  # Kubernetes', where a Service is named lineup
    monkeypatch.setenv("LINEUP_WORKERS", "two")
    decided = Settings(host="::1", port=9000, workers=2, intake_threads=3)
    for name, value in serving._environment(decided, "/metrics").items():
        monkeypatch.setenv(name, value)
    told = Settings()
    assert (told.host, told.port, told.workers, told.intake_threads) == ("::1", 9000, 2, 3)


def test_workers_share_the_cores_for_networks_but_decode_as_one_alone_would() -> None:
    told = serving._environment(Settings(workers=cores()), "/metrics")
    assert (told["LINEUP_THREADS"], told["LINEUP_INTAKE_THREADS"]) == ("1", "0")


def test_workers_without_checkpoints_are_not_even_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "gone"))
    assert main(["serve", "--port", "0", "--workers", "2"]) == 1
    shown = capsys.readouterr().err
    assert str(tmp_path / "gone") in shown
    assert len(shown.splitlines()) == 1
