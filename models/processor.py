"""What processor this is, as Linux tells it."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from pathlib import Path

CPUINFO = Path("/proc/cpuinfo")


@dataclass(frozen=True)
class Processor:
    """``name``: its maker's, else the kind of machine; ``flags``: the instructions that x86 names; none elsewhere."""

    name: str
    flags: frozenset[str]


def read(cpuinfo: Path = CPUINFO) -> Processor:
    """The first of this machine's processors. Where nothing tells, as on macOS, there is but the kind of machine."""
    try:
        lines = cpuinfo.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        lines = []
    parts = (line.partition(":") for line in reversed(lines))  # of the first processor is what counts
    told = {key.strip(): value.strip() for key, _, value in parts}
    return Processor(told.get("model name") or platform.machine(), frozenset(told.get("flags", "").split()))
