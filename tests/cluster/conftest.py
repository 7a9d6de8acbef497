"""A real cluster of two nodes for tests; skipped where Ray is not installed, failed with RAY_TESTS=required."""

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.fakes import WEIGHTS
from tests.serving import until

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = ("lenet", "nin", "resnet18")
BROKEN = "nin"  # for one dataset: will not load
START_S = 300  # ten processes begin by importing Ray, on two cores that others want, too
MARK = "LINEUP_CLUSTER_OF_TESTS"


class TwoNodes:
    """What `two_nodes.py` runs."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        self._process = process
        self.url = f"http://127.0.0.1:{port}"

    def tell(self, command: str) -> Any:
        """Give a command; its answer."""
        assert self._process.stdin is not None
        print(command, file=self._process.stdin, flush=True)
        return self.hear()

    def hear(self) -> Any:
        """The next line of its own, among those of Ray."""
        assert self._process.stdout is not None
        for line in self._process.stdout:
            try:
                return json.loads(line)
            except ValueError:
                continue
        raise AssertionError(f"the cluster ended: {self._process.wait()}")

    def pids(self, deployment: str) -> list[int]:
        """The processes of its replicas, oldest first."""
        name = f"ray::ServeReplica:lineup:{deployment}"
        return sorted(pid for pid, command in _processes(self.url) if name in command)

    def kill(self, deployment: str) -> int:
        """SIGKILL one of its replicas."""
        pid = self.pids(deployment)[0]
        os.kill(pid, signal.SIGKILL)
        return pid

    def status(self, path: str = "/readyz") -> int:
        try:
            return httpx.get(self.url + path, timeout=30).status_code
        except httpx.TransportError:
            return 0


@contextmanager
def two_nodes(folder: Path, least: int = 1, **settings: object) -> Iterator[TwoNodes]:
    """A cluster with `least` replicas of each deployment, ready; its own log is in `folder`."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    told = {"networks": ",".join(NETWORKS), "weights": weights(folder), **settings}
    environment |= {f"LINEUP_{name.upper()}": str(value) for name, value in told.items()}
    environment |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "PYTHONPATH": str(ROOT)}
    environment["RAY_worker_niceness"] = "0"  # 15 otherwise: replicas would starve beside the tests themselves
    environment[MARK] = f"http://127.0.0.1:{port}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.cluster.two_nodes", str(port), str(least)],
            cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        try:
            cluster = TwoNodes(process, port)
            assert cluster.hear() == "running", (folder / "log").read_text()
            until(lambda: cluster.status() == 200, START_S)
            yield cluster
        finally:
            _end(process, environment[MARK])


def weights(folder: Path) -> Path:
    """Checkpoints of NETWORKS, one of them torn."""
    chosen = folder / "weights"
    if not chosen.exists():
        shutil.copytree(WEIGHTS, chosen)
        for torn in chosen.glob(f"mnist/{BROKEN}.*"):
            torn.write_bytes(torn.read_bytes()[:1000])
    return chosen


def _end(process: subprocess.Popen[str], mark: str) -> None:
    """End the cluster, and whatever of it is left."""
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    assert process.stdout is not None
    process.stdout.close()
    for pid, _ in list(_processes(mark)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _processes(mark: str) -> Iterator[tuple[int, str]]:
    """Those of one cluster, each with its command."""
    for folder in Path("/proc").iterdir():
        with suppress(OSError):  # it ended while we looked
            if folder.name.isdigit() and f"{MARK}={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                yield int(folder.name), (folder / "cmdline").read_text()


@pytest.fixture(scope="session", autouse=True)
def _ray() -> None:
    if importlib.util.find_spec("ray") is None:
        if os.environ.get("RAY_TESTS") == "required":
            pytest.fail("RAY_TESTS=required, but Ray is not installed: python -m pip install -e '.[ray]'")
        pytest.skip("Ray is not installed: python -m pip install -e '.[ray]'")
