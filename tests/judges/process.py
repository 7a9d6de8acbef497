"""`lineup serve` as a process of its own, its children included: how much memory, descriptors and CPU time it takes."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from app.client import Client, LineupError

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from app.cli import main; raise SystemExit(main())", "serve")
TICK = os.sysconf("SC_CLK_TCK")
END_S = 60


@dataclass(frozen=True)
class Usage:
    """Of all processes together: proportional set size in MB, open descriptors, CPU seconds, processes."""

    megabytes: float
    descriptors: int
    cpu_s: float
    processes: int


class Served:
    """A service that runs."""

    def __init__(self, process: subprocess.Popen[bytes], url: str, log: Path) -> None:
        self.process, self.url, self._log = process, url, log
        self.ended_badly: list[str] = []  # in words, once it has ended

    def pids(self) -> list[int]:
        """Its own process and all that came of it, now."""
        found = [self.process.pid]
        for pid in found:
            for task in _listed(Path(f"/proc/{pid}/task")):
                with suppress(OSError):
                    found += [int(child) for child in (task / "children").read_text().split()]
        return found

    def children(self, named: str) -> list[int]:
        """Those of its processes that have this in their command line."""
        return [pid for pid in self.pids()[1:] if named in _read(f"/proc/{pid}/cmdline")]

    def usage(self) -> Usage:
        """What it takes now."""
        pids = self.pids()
        kilobytes = sum(int(_read(f"/proc/{pid}/smaps_rollup").partition("\nPss:")[2].split()[0]) for pid in pids)
        descriptors = sum(len(_listed(Path(f"/proc/{pid}/fd"))) for pid in pids)
        ticks = (_read(f"/proc/{pid}/stat").rpartition(")")[2].split()[11:13] for pid in pids)
        return Usage(kilobytes / 1024, descriptors, sum(sum(map(int, each)) for each in ticks) / TICK, len(pids))

    def log(self) -> str:
        """What it has said so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")


@contextmanager
def serve(*options: str, **settings: str) -> Iterator[Served]:
    """`lineup serve` with these options and settings, once it is ready; ended by SIGTERM, and `ended_badly` says how it
    obeys that.
    """
    with tempfile.TemporaryDirectory() as folder:
        port = _free_port()
        told = {f"LINEUP_{name.upper()}": value for name, value in settings.items()}
        log = Path(folder) / "log"
        with log.open("wb") as written:
            process = subprocess.Popen(
                [*COMMAND, "--port", str(port), *options],
                cwd=ROOT,
                env={**os.environ, **told},
                stdout=written,
                stderr=subprocess.STDOUT,
            )
            served = Served(process, f"http://127.0.0.1:{port}", log)
            try:
                _wait_until_ready(served)
                yield served
            finally:
                _end(served)


def offers(option: str) -> bool:
    """Whether `lineup serve` has this option."""
    done = subprocess.run([*COMMAND, "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    return option in done.stdout


def _wait_until_ready(served: Served) -> None:
    end = time.monotonic() + 300
    with Client(served.url, retries=0) as client:
        while True:
            assert served.process.poll() is None, served.log()
            assert time.monotonic() < end, served.log()
            with suppress(LineupError):
                if client.ready().ready:
                    return
            time.sleep(0.2)


def _end(served: Served) -> None:
    pids = served.pids()
    served.process.send_signal(signal.SIGTERM)
    try:
        if code := served.process.wait(END_S):
            served.ended_badly.append(f"after SIGTERM its exit code is {code}, not 0")
        if left := [pid for pid in pids if "app." in _read(f"/proc/{pid}/cmdline")]:
            served.ended_badly.append(f"after its end {len(left)} of its processes live on")
    except subprocess.TimeoutExpired:
        served.ended_badly.append(f"it runs on {END_S} s after SIGTERM")
    finally:
        for pid in pids:
            if "app." in _read(f"/proc/{pid}/cmdline"):
                os.kill(pid, signal.SIGKILL)
        served.process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def _read(path: str) -> str:
    """A file of /proc; what a process that has gone would have had there, which is nothing."""
    try:
        return Path(path).read_text(errors="replace")
    except OSError:
        return "\nPss: 0 )" + " 0" * 20 if path.endswith(("rollup", "stat")) else ""


def _listed(folder: Path) -> list[Path]:
    with suppress(OSError):
        return list(folder.iterdir())
    return []
