"""The servers that `bench.serving` compares: how each is started, what is asked of it, and when it is ready."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from app.batch.asked import Asked
from bench.machine import family

ROOT = Path(__file__).resolve().parents[1]
LOGS = ROOT / "runs" / "bench"
READY_S = 180.0
SET_IN_SHELLS = "LINEUP_", "OMP_", "MKL_"  # begin what a user's own shell need not have set
PYTHON, RIVALS, PORT, NETWORK = "PYTHON", "RIVALS", "PORT", "NETWORK"  # stand for themselves in a command


class NotStartedError(RuntimeError):
    """A server ended, or was not ready in time; the message says what it said last."""


@dataclass(frozen=True)
class Server:
    """`paths`: what is asked, by the name that its figures go by. `ready`: a path that answers 200 once it is."""

    command: tuple[str, ...]
    paths: dict[str, str]
    told: str
    ready: str
    needs: tuple[str, ...]  # distributions whose versions are told
    compare: str | None = None  # the path that asks all seven
    one_network: bool = False  # it serves but one, and is started for each


SERVERS = {
    "tutorial": Server(
        (PYTHON, "-m", "bench.rivals.tutorial", PORT),
        {"tutorial": "/predict?model=NETWORK"},
        "FastAPI and torch, one eager forward a request; all seven loaded",
        "/docs",
        ("fastapi", "torch"),
        compare="/compare",
    ),
    "litserve": Server(
        (RIVALS, "-m", "bench.rivals.litserve_server", PORT, NETWORK),
        {"litserve": "/predict"},
        "max_batch_size 16, batch_timeout 2 ms, torch, channels_last; one network loaded",
        "/health",
        ("litserve", "torch"),
        one_network=True,
    ),
    "bentoml": Server(
        (
            RIVALS,
            "-m",
            "bentoml",
            "serve",
            "bench.rivals.bentoml_service:Service",
            "--host",
            "127.0.0.1",
            "--port",
            PORT,
        ),
        {"bentoml": "/predict"},
        "adaptive batching of at most 16, torch, channels_last; one network loaded",
        "/readyz",
        ("bentoml", "torch"),
        one_network=True,
    ),
    "lineup": Server(
        (PYTHON, "-c", "from app.cli import main; raise SystemExit(main())", "serve", "--port", PORT),
        {
            "lineup": "/predict?model=NETWORK&dataset=mnist",
            "lineup, dataset=auto": "/predict?model=NETWORK&dataset=auto",
        },
        "`lineup serve` as it is, the gate on; all seven of both datasets loaded",
        "/readyz",
        ("fastapi", "torch", "onnxruntime"),
        compare="/compare?dataset=mnist",
    ),
}


@contextmanager
def running(server: Server, network: str, pythons: dict[str, str], networks: list[str]) -> Iterator[tuple[str, int]]:
    """Address and process id of a server that is ready. NotStartedError if it does not become so."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    known = {**pythons, PORT: str(port), NETWORK: network}
    command = [known.get(part, part) for part in server.command]
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{next(iter(server.paths))}.log"
    with log.open("w") as file:
        try:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=_environment(network, networks),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,  # Ctrl-C is for us, who then stop it
            )
        except OSError as error:
            raise NotStartedError(f"{command[0]} cannot be started: {error.strerror}") from error
        try:
            _until_ready(process, f"http://127.0.0.1:{port}{server.ready}", log)
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            _stop(process)


def _environment(network: str, networks: list[str]) -> dict[str, str]:
    """As a user's shell has it: no settings of Lineup's but which networks are asked, threads as each likes."""
    left = {name: value for name, value in os.environ.items() if not name.startswith(SET_IN_SHELLS)}
    told = {"BENCH_NETWORK": network, "BENTOML_DO_NOT_TRACK": "true", "PYTHONPATH": str(ROOT)}
    return left | told | {"LINEUP_NETWORKS": ",".join(networks)}


@contextmanager
def nothing_set() -> Iterator[None]:
    """As in such a shell, for this process and whatever it starts meanwhile: every setting of Lineup's is its default,
    and the number of threads as well.
    """
    kept = {name: os.environ.pop(name) for name in [*os.environ] if name.startswith(SET_IN_SHELLS)}
    try:
        yield
    finally:
        os.environ.update(kept)


def checkpoints_of(networks: Collection[str]) -> dict[str, str]:
    """What figures of servers with these networks are of, as `tools.unchanged` reads it: digests by the names of the
    checkpoints. The servers know no LINEUP_WEIGHTS.
    """
    digests = Asked("all", "auto").digests(ROOT / "weights")
    asked = {*networks, "auto", "gate"}
    return {name: digest for name, digest in digests.items() if digest and name.rpartition("/")[2] in asked}


def _until_ready(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    end = time.monotonic() + READY_S
    while time.monotonic() < end:
        if process.poll() is not None:
            raise NotStartedError(f"ended with {process.returncode}: {_last_line(log)}")
        try:
            if httpx.get(url, timeout=5, trust_env=False).status_code == 200:
                return
        except httpx.HTTPError:
            pass
        time.sleep(0.2)
    raise NotStartedError(f"not ready after {READY_S:.0f} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = [line for line in log.read_text(encoding="utf-8", errors="replace").splitlines() if line.strip()]
    return lines[-1].strip()[:300] if lines else "it said nothing"


def _stop(process: subprocess.Popen[bytes]) -> None:
    """Ask it to end, and end what is left of it and its descendants after that."""
    members = family(process.pid)
    process.terminate()
    try:
        process.wait(15)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for member in members[1:]:
        try:
            os.kill(member, signal.SIGKILL)
        except ProcessLookupError:
            continue


def pythons(rivals: Path) -> dict[str, str]:
    """Which interpreter runs what: this one Lineup and the tutorial, another the rivals."""
    return {PYTHON: sys.executable, RIVALS: str(rivals)}
