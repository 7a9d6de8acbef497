"""The machine that figures are of: one measurement at a time, what it is, and what a server's processes use of it."""

from __future__ import annotations

import fcntl
import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.settings import cores
from models import processor

LOCK = Path(__file__).resolve().parents[1] / "runs" / "measure.lock"
PROC = Path("/proc")
FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8")  # instructions that networks gain by
TICKS = os.sysconf("SC_CLK_TCK")
QUIET = 0.1  # cores that others may keep busy without a word


@contextmanager
def alone() -> Iterator[None]:
    """Wait until no other measurement of this checkout runs, and keep others waiting meanwhile. SIGTERM ends what is
    measured as an error does, so that no server and no child is left behind.
    """
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"another measurement holds {LOCK}: waiting for it", flush=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        before = signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        try:
            yield
        finally:
            signal.signal(signal.SIGTERM, before)


def hardware() -> dict[str, Any]:
    """The processor, how many of its cores may be used, and which of FLAGS it has."""
    known = processor.read()
    return {"processor": known.name, "cores": cores(), "flags": [flag for flag in FLAGS if flag in known.flags]}


def now() -> dict[str, Any]:
    """What stands at the head of a record: date and time, the machine, and what else it is busy with, of which it
    warns. To be asked before anything is measured.
    """
    busy = busy_cores()
    if busy > QUIET:
        print(f"warning: {busy:g} cores are busy with something else", flush=True)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    return {"date": date, "hardware": hardware(), "busy_cores_before": busy}


def busy_cores(seconds: float = 1.0) -> float:
    """How many cores are busy at the moment, this process apart."""
    before, own = _busy_ticks(), time.process_time()
    time.sleep(seconds)
    return round(max(0.0, (_busy_ticks() - before) / TICKS - (time.process_time() - own)) / seconds, 2)


def _busy_ticks() -> int:
    user, nice, system, _, _, irq, softirq, *_ = map(int, (PROC / "stat").read_text().split("\n", 1)[0].split()[1:])
    return user + nice + system + irq + softirq


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    children: dict[int, list[int]] = {}
    for path in PROC.glob("[0-9]*"):
        if fields := _stat(int(path.name)):
            children.setdefault(int(fields[1]), []).append(int(path.name))
    found = [pid]
    for member in found:
        found.extend(children.get(member, ()))
    return found


def cpu_seconds(pid: int) -> float:
    """Processor time that a process and its descendants have used, with those that they waited for."""
    return sum(cpu_seconds_each(pid).values())


def cpu_seconds_each(pid: int) -> dict[int, float]:
    """The same of each of them, by its process id."""
    return {member: sum(map(int, fields[11:15])) / TICKS for member in family(pid) if (fields := _stat(member))}


def command(pid: int) -> str:
    """What a process was started as, or calls itself since; empty if it is gone."""
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def peak_mb(pid: int) -> int:
    """The most memory that a process and its descendants have held, each with its own peak; what they share counts
    in each.
    """
    return round(sum(_peak_kib(member) for member in family(pid)) * 1024 / 1e6)


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat after the name, state first; None if the process is gone."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _peak_kib(pid: int) -> int:
    try:
        lines = (PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), 0)
