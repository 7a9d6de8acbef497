"""Records as the benchmarks write them, of round numbers that were made up."""

import json
from pathlib import Path
from typing import Any

from bench.capacity.costs import PLAIN, PROXIES
from models import catalog

KNOWN_MS = {"lenet": 0.0, "alexnet": 6.0, "nin": 4.0, "vgg11": 40.0, "googlenet": 2.0, "resnet18": 2.5, "densenet": 1.5}
NETWORK_MS = {name: KNOWN_MS.get(name, 2.0) for name in catalog.ARCHITECTURES}
INTAKE = {
    "decode, 12 megapixels": {"JPEG, baseline": 40.0},
    "prepare": {"28x28 of the dataset's kind": 0.5, "a digit on a sheet of 1000x750, on a desk": 26.5},
    "judge": {"thumbnail": 4.0},
}
HARDWARE = {"processor": "P", "cores": 2, "flags": ["avx2"]}


def load(cpu_ms: float, per_second: float = 100.0, clients: int = 1, **more: Any) -> dict[str, Any]:
    return {
        "clients": clients,
        "n": 300,
        "per_second": per_second,
        "p50_ms": cpu_ms,
        "p99_ms": 1.25 * cpu_ms,
        "cpu_ms": cpu_ms,
        **more,
    }


def pair(lone_ms: float, many_ms: float, clients: int = 16) -> dict[str, Any]:
    return {"lone": load(lone_ms), "many": load(many_ms, 2e3 / many_ms, clients)}


def serving() -> dict[str, Any]:
    networks = {name: pair(2.0 + ms, 1.0 + ms) for name, ms in NETWORK_MS.items()}
    ours = {"networks": networks, "compare": pair(60.0, 58.0, 8)}
    return {"date": "2026-01-01", "hardware": HARDWARE, "servers": {"lineup": ours}}


def intake() -> dict[str, Any]:
    ms = {part: {name: {"median": median} for name, median in steps.items()} for part, steps in INTAKE.items()}
    return {"date": "2026-01-01", "hardware": {"intake": "P"}, "ms": ms}


def cluster() -> dict[str, Any]:
    """A machine half as fast as that of `serving`, with Ray's processes idle at a tenth of a core."""
    lenet = {"proxy": 4.0, "ingress": 6.0, "intake": 3.0, "lenet": 2.0, "rest": 1.0 + 1.0}  # 1 ms of it is idle time
    seven = {**lenet, "ingress": 18.0, "vgg11": 90.0}
    crowded = {**seven, "ingress": 27.0}  # many clients get less of it than a lone one
    asked = {
        "lenet": {part: load(17.0, cpu_ms_of=lenet) for part in ("lone", "many")},
        "compare": {"lone": load(120.0, cpu_ms_of=seven), "many": load(129.0, 90.0, 8, cpu_ms_of=crowded)},
    }
    asked["lenet"]["lone"]["p50_ms"] = 22.0
    ways: dict[str, Any] = {name: {"asked": asked, "idle_cores_of": {"rest": 0.1}} for name in PROXIES}
    ways[PLAIN] = {"asked": {"lenet": pair(4.0, 2.0)}, "idle_cores_of": {}}
    return {"date": "2026-01-02", "hardware": HARDWARE, "ways": ways}


def written(folder: Path) -> Path:
    """All three in a folder."""
    for name, told in (("serving", serving()), ("intake", intake()), ("cluster", cluster())):
        (folder / f"{name}.json").write_text(json.dumps(told))
    return folder
