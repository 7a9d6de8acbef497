"""`lineup serve` as a process of its own, with lenet alone."""

import os
import shlex
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.serving import until as soon

ROOT = Path(__file__).parents[1]


@dataclass
class Served:
    process: subprocess.Popen[bytes]
    port: int
    log: Path
    scheme: str = "http"

    def get(self, path: str) -> httpx.Response:
        return httpx.get(f"{self.scheme}://127.0.0.1:{self.port}{path}", timeout=30)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return httpx.post(f"{self.scheme}://127.0.0.1:{self.port}{path}", timeout=60, **options)

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


def until(condition: Callable[[], bool], seconds: float = 120) -> None:
    """Processes start slowly where others want the cores."""
    soon(condition, seconds)


def alive(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False
