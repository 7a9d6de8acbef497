"""`lineup serve` as a process of its own: descriptors, signals, TLS."""

import os
import signal
import socket
import ssl
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import httpx
import pytest

from app.cli import main
from tests.served import ROOT, served, until

TLS = Path(__file__).parents[1] / "web" / "tls"


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
