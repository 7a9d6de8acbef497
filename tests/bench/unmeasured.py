"""Benchmarks as tests run them: without waiting for a measurement, nor looking at what else the machine does."""

from pathlib import Path
from types import ModuleType

import pytest

from bench import machine, servers, wrk


def unmeasured(monkeypatch: pytest.MonkeyPatch, folder: Path, bench: ModuleType) -> None:
    """Let `bench` warm up for a moment, take an answer for each client for enough, and write its logs to `folder`."""
    monkeypatch.setattr(machine, "LOCK", folder / "measure.lock")
    monkeypatch.setattr(machine, "busy_cores", lambda: 0.5)
    monkeypatch.setattr(servers, "LOGS", folder / "logs")
    monkeypatch.setattr(wrk, "version", lambda: "wrk 4")
    monkeypatch.setattr(wrk, "ENOUGH", 1)
    monkeypatch.setattr(wrk, "IN_FLIGHT", 1)
    monkeypatch.setattr(bench, "WARM_UP_S", 0.1)
