"""Who is faster: ``make bench``, or ``python -m bench.serving``. Each server alone, under the same load.

A picture of 28x28 as PNG in a form. Closed loop by wrk: one client, whose median is the time of a lone request, then
16, whose requests a second are the capacity (8 where all seven networks are asked). Open loop by the load generator of
``lineup bench``: shares of that capacity, as a Poisson process. Written to RECORD, from which docs/speed.md has its
tables, once all of it is measured; what is measured with other options is shown and not recorded.
"""

from __future__ import annotations

import argparse
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

from app.cli.bench import Asked, drawn, report_of
from app.cli.clients import run
from app.cli.load import Load, multipart, target
from bench import machine, names, recording, wrk
from bench.servers import ROOT, SERVERS, NotStartedError, Server, checkpoints_of, pythons, running
from models import catalog
from models.arguments import above_zero

RECORD = Path(__file__).with_name("serving.json")
RIVALS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
LONE, MANY, MANY_ALL_SEVEN = 1, 16, 8
SHARES = (0.25, 0.5, 0.75, 0.9)
OF_THE_RECORD = ("servers", "networks", "shares", "seconds", "rivals_python")  # options it was made with: none
LABEL = "7"  # of the picture: who answers otherwise does other work
WARM_UP_S = 1.0
ENOUGH_LATE = 128  # answers that an open loop is for, for up to eight times as long: of 100 on `tools.speed` tells p99
KEPT = ("rate", "offered", "per_second", "p50_ms", "p95_ms", "p99_ms", "max_ms", "errors", "client_cpu")
TELL_VERSIONS = """
import sys
from importlib.metadata import PackageNotFoundError, version
for name in sys.argv[1:]:
    try:
        print(name, version(name))
    except PackageNotFoundError:
        pass
"""
Figures = dict[str, Any]
Closed = Callable[[str, str, bytes, int, float], Figures]
CONTENT_TYPE, BODY = multipart(drawn(), "image/png", "file")


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and record; 2 where wrk is missing or an option is wrong, 1 where Lineup itself has a row without
    figures, which replaces no record that is there.
    """
    parser = _parser()
    options = parser.parse_args(argv)
    if wrk.version() is None:
        print(f"bench: {wrk.MISSING}", file=sys.stderr)
        return 2
    try:
        record = recording.place(parser, options, RECORD, OF_THE_RECORD)
    except ValueError as error:
        print(f"bench: {error}", file=sys.stderr)
        return 2
    with machine.alone():
        found = {**machine.now(), "of": checkpoints_of(options.networks), "load": _load_told(options)}
        found["versions"], found["servers"] = _versions(options), {}
        for name in options.servers:
            found["servers"] |= measure_server(SERVERS[name], options, wrk.closed_loop)
    # At the end: an interrupted run leaves the record as it was.
    return recording.keep(record, found, _failed(found["servers"]))


def measure_server(server: Server, options: argparse.Namespace, closed: Closed) -> dict[str, Figures]:
    """The figures of one server, by the names of what is asked of it; where it did not start they say why."""
    found: dict[str, Figures] = {name: {"told": server.told, "networks": {}} for name in server.paths}
    groups = [[network] for network in options.networks] if server.one_network else [options.networks]
    for networks in groups:
        try:
            with running(server, networks[0], pythons(options.rivals_python), options.networks) as (address, pid):
                for name, path in server.paths.items():
                    for network in networks:
                        url = address + path.replace("NETWORK", network)
                        # auto is a step before the same networks: its capacity is enough
                        shares = options.shares if name == next(iter(server.paths)) else []
                        figures = measured(url, pid, MANY, options.seconds, shares, closed)
                        found[name]["networks"][network] = _say(name, network, figures)
                if server.compare and set(options.networks) == set(catalog.ARCHITECTURES):
                    name = next(iter(server.paths))
                    figures = measured(address + server.compare, pid, MANY_ALL_SEVEN, options.seconds, [], closed)
                    found[name]["compare"] = _say(name, "all seven", figures)
        except NotStartedError as error:
            for name in server.paths:
                for network in networks:
                    found[name]["networks"][network] = _say(name, network, {"error": f"did not start: {error}"})
    return found


def _failed(servers: Figures) -> list[str]:
    """The rows of Lineup's that have no figures."""
    ours = {name: servers[name] for name in SERVERS["lineup"].paths if name in servers}
    rows = {(name, network): row for name, told in ours.items() for network, row in told["networks"].items()}
    rows |= {(name, "all seven"): told["compare"] for name, told in ours.items() if "compare" in told}
    return [f"{name}: {network}" for (name, network), row in rows.items() if "error" in row]


def measured(url: str, pid: int, clients: int, seconds: float, shares: Sequence[float], closed: Closed) -> Figures:
    """Everything about one address of a running server; or what is wrong with it."""
    if objection := wrong_answer(url):
        return {"error": objection}
    try:
        lone, many = (_closed(url, pid, number, seconds, closed) for number in (LONE, clients))
        opened = [_open(url, share, share * many["per_second"], seconds) for share in shares]
    except RuntimeError as error:
        return {"error": str(error)}
    return {"lone": lone, "many": many, "open": opened, "peak_mb": machine.peak_mb(pid)}


def wrong_answer(url: str) -> str | None:
    """What is wrong with what the server answers to the picture, if something is."""
    try:
        answer = httpx.post(url, content=BODY, headers={"Content-Type": CONTENT_TYPE}, timeout=60, trust_env=False)
        told = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return f"no answer that can be read: {error}"
    if not answer.is_success:
        return f"answers {answer.status_code}: {answer.text[:200]}"
    parts = told["results"] if "results" in told else told if isinstance(told, list) else [told]
    labels = {str(part.get("label")) for part in parts}
    return None if labels == {LABEL} else f"takes the {LABEL} for {', '.join(sorted(labels))}"


def _closed(url: str, pid: int, clients: int, seconds: float, closed: Closed) -> Figures:
    rate = closed(url, CONTENT_TYPE, BODY, clients, min(WARM_UP_S, seconds))["per_second"]  # the warm-up
    # Comes after what the warm-up asked and left, which would be computed in what is measured.
    if objection := wrong_answer(url):
        raise RuntimeError(objection)
    before = machine.cpu_seconds(pid)
    found = closed(url, CONTENT_TYPE, BODY, clients, wrk.long_enough(seconds, rate, clients))
    if not found["n"]:
        raise RuntimeError("no request was answered")
    return {"clients": clients, **found, "cpu_ms": _cpu_ms(pid, before, found["n"])}


def _open(url: str, share: float, rate: float, seconds: float) -> Figures:
    lasts = min(max(seconds, ENOUGH_LATE / rate), 8 * seconds)
    load = Load(clients=128, seconds=lasts, rate=rate, warm_up_s=WARM_UP_S / 2)
    report = report_of(Asked(url, CONTENT_TYPE, BODY, load), run(target(url, CONTENT_TYPE, BODY), load))
    told = {name: getattr(report, name) for name in KEPT}
    return {"share": share, "n": report.completed, **told, "rate": round(rate, 2)}


def _cpu_ms(pid: int, before: float, requests: float) -> float | None:
    return round(1e3 * (machine.cpu_seconds(pid) - before) / requests, 3) if requests else None


def _say(name: str, network: str, figures: Figures) -> Figures:
    told = figures.get("error") or (
        f"{figures['many']['per_second']:8.1f}/s, lone {figures['lone']['p50_ms']:.1f} ms, "
        f"{figures['many']['cpu_ms']} ms CPU a request, {figures['peak_mb']} MB"
    )
    print(f"{name:22} {network:10} {told}", flush=True)
    return figures


def _load_told(options: argparse.Namespace) -> Figures:
    clients = f"{LONE} and {MANY} clients, {MANY_ALL_SEVEN} for all seven"
    return {
        "picture": f"28x28 PNG of {len(drawn())} bytes as multipart",
        "seconds": options.seconds,
        "closed": f"{wrk.version()}, {wrk.lasts(options.seconds)} s, {clients}",
        "open": "lineup bench, Poisson, at these shares of the capacity",
        "shares": options.shares,
    }


def _versions(options: argparse.Namespace) -> dict[str, str]:
    """Of Python and of what the servers stand on, asked of the interpreter that runs each."""
    found = {"python": platform.python_version()}
    known = pythons(options.rivals_python)
    for server in (SERVERS[name] for name in options.servers):
        command = [known[server.command[0]], "-c", TELL_VERSIONS, *server.needs, "uvicorn", "uvloop", "httptools"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        except OSError:  # no such interpreter: the rows of the server will say so
            continue
        found |= dict(line.split() for line in done.stdout.splitlines())
    return found


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="bench.serving", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--servers", type=names.among(SERVERS), default=list(SERVERS), help="separated by commas (default: all)"
    )
    parser.add_argument(
        "--networks", type=names.among(catalog.ARCHITECTURES), default=list(catalog.ARCHITECTURES), help="likewise"
    )
    parser.add_argument(
        "--seconds", type=above_zero, default=3, help="of one load (default: 3; all of it takes 25 minutes)"
    )
    parser.add_argument("--shares", type=_shares, default=list(SHARES), help="of the capacity (default: .25,.5,.75,.9)")
    parser.add_argument(
        "--rivals-python", type=Path, default=RIVALS_PYTHON, help="interpreter with LitServe and BentoML"
    )
    parser.add_argument("--record", type=Path, help=f"file to write (default: {RECORD.name} beside this script)")
    return parser


def _shares(told: str) -> list[float]:
    shares = [above_zero(part) for part in told.split(",") if part]
    if wrong := [share for share in shares if share > 2]:
        raise argparse.ArgumentTypeError(f"{wrong[0]:g} is no share of the capacity; wanted more than 0, at most 2")
    return shares


if __name__ == "__main__":
    raise SystemExit(main())
