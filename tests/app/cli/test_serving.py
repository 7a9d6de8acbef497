"""`lineup serve` as a process of its own: descriptors, signals, TLS, workers; with lenet alone, and real signals."""

import asyncio
import os
import shlex
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from app.cli import main, supervisor
from app.web import listening
from tests.serving import until as soon

TLS = Path(__file__).parents[1] / "web" / "tls"
ROOT = Path(__file__).parents[3]


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    scheme: str = "http"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.scheme}://127.0.0.1:{self.port}{path}", timeout=30)

    def status(self, path: str = "/healthz") -> int:
        try:
            return self.get(path).status_code
        except httpx.TransportError:
            return 0

    def children(self) -> set[int]:
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in path.read_text().split()}


@contextmanager
def served(tmp_path: Path, *options: str, limit: str = "", **settings: object) -> Iterator[Served]:
    """A running `lineup serve`; `limit` is a command of the shell before it."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    told = {f"LINEUP_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, "LINEUP_NETWORKS": "lenet", "TMPDIR": str(tmp_path), **told}
    command = shlex.join([sys.executable, "-c", "from app.cli import main; raise SystemExit(main())", "serve"])
    log = tmp_path / "log"
    with log.open("wb") as file:
        process = subprocess.Popen(
            ["sh", "-c", f"{limit}\nexec {command} --port {port} {shlex.join(options)}"],
            env=environment, cwd=ROOT, stdout=file, stderr=file,
        )  # fmt: skip
    it = Served(process, port, log)
    try:
        yield it
    finally:
        children = it.children() if process.poll() is None else set()
        process.kill()
        process.wait()
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)


def until(condition: Callable[[], bool]) -> None:
    """Processes start slowly where others want the cores."""
    soon(condition, 120)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def test_silent_connections_beyond_the_descriptors_neither_stop_it_nor_fill_its_log(tmp_path: Path) -> None:
    with served(tmp_path, limit="ulimit -n 256", header_s=1) as it, ExitStack() as stack:
        until(lambda: it.status() == 200)
        assert it.get("/limits").json()["max_connections"] == 128
        silent = []
        for _ in range(1100):
            silent.append(stack.enter_context(socket.create_connection(("127.0.0.1", it.port), timeout=30)))
        assert silent[-1].recv(65536).startswith(b"HTTP/1.1 503") or not silent[-1].recv(1)
        until(lambda: it.status() == 200)
        for connection in silent:
            with suppress(ConnectionError):
                while connection.recv(65536):
                    pass
        assert it.log.stat().st_size < 10_000
        assert "no more are taken" in it.log.read_text()


def test_without_descriptors_it_waits_and_says_so_seldom(tmp_path: Path) -> None:
    with served(tmp_path, limit="ulimit -n 100", header_s=3, max_connections=5000) as it, ExitStack() as stack:
        until(lambda: it.status() == 200)
        for _ in range(300):
            stack.enter_context(socket.create_connection(("127.0.0.1", it.port), timeout=30))
        before = cpu_s(it.process.pid)
        time.sleep(2)
        assert cpu_s(it.process.pid) - before < 1
        until(lambda: it.status() == 200)
        told = it.log.read_text()
        assert 1 <= told.count("no connection can be taken: Too many open files") <= 3
        assert len(told) < 10_000


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def test_the_soft_limit_of_descriptors_is_raised(tmp_path: Path) -> None:
    with served(tmp_path, limit="ulimit -Sn 128; ulimit -Hn 2000") as it:
        until(lambda: it.status() == 200)
        assert it.get("/limits").json()["max_connections"] == 1000


def test_sigterm_drains_then_answers_all_that_was_accepted(tmp_path: Path) -> None:
    body = (ROOT / "tests/app/cli/test_serving.py").read_bytes()  # no picture, and as good
    head = b"POST /predict?model=lenet HTTP/1.1\r\nHost: a\r\nContent-Type: image/png\r\nContent-Length: %d\r\n\r\n"
    with served(tmp_path, drain_s=1.5) as it:
        until(lambda: it.status("/readyz") == 200)
        with socket.create_connection(("127.0.0.1", it.port), timeout=30) as slow:
            slow.sendall(head % len(body) + body[:10])
            it.process.send_signal(signal.SIGTERM)
            until(lambda: it.status("/readyz") == 503)
            refused = it.get("/readyz")
            assert refused.json()["error"]["code"] == "not_ready"
            assert "draining" in refused.json()["error"]["message"]
            assert refused.headers["connection"] == "close"
            assert it.status() == 200
            until(lambda: it.status() == 0)
            assert it.process.poll() is None
            slow.sendall(body[10:])
            assert slow.recv(65536).startswith(b"HTTP/1.1 422")
        assert it.process.wait(30) == 0


def test_an_interrupt_does_not_wait_and_a_second_signal_ends_at_once(tmp_path: Path) -> None:
    with served(tmp_path, drain_s=600) as it:
        until(lambda: it.status() == 200)
        it.process.send_signal(signal.SIGINT)
        assert it.process.wait(30) == 0
    with served(tmp_path, drain_s=600) as it:
        until(lambda: it.status() == 200)
        it.process.send_signal(signal.SIGTERM)
        until(lambda: it.status("/readyz") == 503 and "draining" in it.get("/readyz").text)
        it.process.send_signal(signal.SIGHUP)
        assert it.status() == 200
        it.process.send_signal(signal.SIGTERM)
        assert it.process.wait(30) == -signal.SIGTERM


def test_a_port_that_is_taken_is_one_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for workers in ("1", "2"):
            assert main(["serve", "--port", str(port), "--workers", workers]) == 1
            told = f"lineup: cannot listen on 127.0.0.1, port {port}: Address already in use\n"
            assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"TLS_CERT": "/no/cert.pem"}, "LINEUP_TLS_CERT is /no/cert.pem, which cannot be read: No such file"),
        ({"TLS_KEY": "/no/key.pem"}, "LINEUP_TLS_KEY is set, but LINEUP_TLS_CERT is not"),
        ({"TLS_CERT": str(TLS / "key.pem")}, f"LINEUP_TLS_CERT is {TLS / 'key.pem'}, in which there is no certificate"),
        ({"TLS_CERT": str(TLS / "cert.pem")}, f"LINEUP_TLS_CERT is {TLS / 'cert.pem'}, which cannot be used"),
        ({"TRUSTED_PROXIES": "10.0.0.1,proxy"}, "LINEUP_TRUSTED_PROXIES is '10.0.0.1,proxy': "),
        ({"WORKERS": "0"}, "LINEUP_WORKERS is '0'"),
        ({"DRAIN_S": "inf"}, "LINEUP_DRAIN_S is 'inf'"),
    ],
)
def test_what_cannot_be_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], settings: dict[str, str], told: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"LINEUP_{name}", value)
    assert main(["serve", "--port", "0"]) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert len(shown.splitlines()) == 1


def test_tls_by_files_and_silent_handshakes_end(tmp_path: Path) -> None:
    trust = ssl.create_default_context(cafile=TLS / "cert.pem")
    with served(tmp_path, tls_cert=TLS / "cert.pem", tls_key=TLS / "key.pem", header_s=0.5, max_connections=2) as it:
        with httpx.Client(base_url=f"https://127.0.0.1:{it.port}", verify=trust) as client:

            def status() -> int:
                try:
                    return client.get("/healthz").status_code
                except httpx.TransportError:
                    return 0

            until(lambda: status() == 200)
            with socket.create_connection(("127.0.0.1", it.port), timeout=30) as silent:
                until(lambda: tls_status(it.port, trust) == 503)  # a handshake counts as a connection
                with suppress(ConnectionError):
                    assert silent.recv(1) == b""
            until(lambda: tls_status(it.port, trust) == 200)
        it.process.send_signal(signal.SIGINT)
        assert it.process.wait(30) == 0
        assert "Traceback" not in it.log.read_text()


def tls_status(port: int, trust: ssl.SSLContext) -> int:
    try:
        return httpx.get(f"https://127.0.0.1:{port}/healthz", verify=trust).status_code
    except httpx.TransportError:
        return 0


def test_workers_share_the_port_and_the_dead_are_replaced(tmp_path: Path) -> None:
    with served(tmp_path, "--workers", "2", drain_s=0.5) as it:
        until(lambda: it.log.read_text().count("lenet for fashion-mnist is ready") == 2)
        first = it.children()
        assert len(first) == 2
        assert it.get("/limits").status_code == 200
        dead = min(first)
        os.kill(dead, signal.SIGKILL)
        until(lambda: len(it.children() - {dead}) == 2)
        assert all(it.status("/readyz") in (200, 503) for _ in range(20))
        until(lambda: it.log.read_text().count("lenet for fashion-mnist is ready") == 3)
        assert f"(process {dead}) died of SIGKILL" in it.log.read_text()
        it.process.send_signal(signal.SIGHUP)
        until(lambda: it.log.read_text().count("reload") >= 2)
        workers = it.children()
        it.process.send_signal(signal.SIGTERM)
        until(lambda: it.status("/readyz") == 503)
        assert it.process.wait(30) == 0
        assert not any(alive(pid) for pid in workers)
    assert not list(tmp_path.glob("lineup-metrics-*"))


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


def test_workers_without_checkpoints_are_not_even_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "gone"))
    assert main(["serve", "--port", "0", "--workers", "2"]) == 1
    shown = capsys.readouterr().err
    assert str(tmp_path / "gone") in shown
    assert len(shown.splitlines()) == 1
