"""What `bench.cluster` measured and `bench.capacity` worked out, as tables for docs/speed.md."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench import wrk
from tools.markdown import table

BENCH = Path(__file__).resolve().parents[1] / "bench"
PLAIN, RAY, HAPROXY = "lineup serve", "Ray Serve", "Ray Serve, HAProxy"
WAYS = {PLAIN: "`lineup serve`", RAY: "Ray Serve", HAPROXY: "Ray Serve, HAProxy"}
ASKED = {"healthz": "`/healthz`", "lenet": "lenet", "resnet18": "resnet18", "compare": "all seven"}
COMMAND = "python -m bench.capacity"
Record = dict[str, Any]


def cluster() -> str:
    """Requests a second, lone milliseconds and processor time of each way to run the service."""
    found = _record("cluster.json", "python -m bench.cluster")
    if isinstance(found, str):
        return found
    ways = found["ways"]
    rows = [[title, *(_asked(ways[way], name) for way in WAYS)] for name, title in ASKED.items()]
    rows.append(["memory in MB, processes", *(_held(ways[way]) for way in WAYS)])
    return f"{table(['asked', *WAYS.values()], rows)}\n\n{_measured(found)}"


def _asked(way: Record, name: str) -> str:
    if "asked" not in way:
        return str(way["error"]).partition(":")[0]
    asked = way["asked"][name]
    lone, best = asked["lone"], wrk.best(asked)
    failed = lone["errors"] + asked["many"]["errors"]
    told = f"{_short(best['per_second'])} ({_short(lone['p50_ms'])}, {_short(best['cpu_ms'])})"
    return told + (f", {failed:,} failed" if failed else "")


def _held(way: Record) -> str:
    return f"{way['peak_mb']:,}, {way['processes']}" if "asked" in way else "-"


def _measured(found: Record) -> str:
    """When, on what, with which versions, and how many answers stand behind a figure."""
    asked = [parts for way in found["ways"].values() for parts in way.get("asked", {}).values()]
    counts = [part["n"] for parts in asked for part in parts.values()]
    versions = ", ".join(f"{name} {version}" for name, version in found["versions"].items() if version)
    n = f"{min(counts):,} to {max(counts):,} answers a figure" if counts else "no figures"
    return (
        f"{found['date'][:10]}, {_machine(found['hardware'])}; {found['load']['closed']}; {n}; "
        f"just before, other things kept {found['busy_cores_before']:g} of the cores busy. "
        f"{versions}."
    )


def _machine(hardware: Record) -> str:
    return f"{hardware['cores']} cores of an {hardware['processor']} ({', '.join(hardware['flags'])})"


def stages() -> str:
    """What a request takes of each stage on Ray, and at how many a second one core of it is saturated."""
    found = _capacity()
    if isinstance(found, str):
        return found
    ways = found["stages"]
    titles = list(dict.fromkeys(title for told in ways.values() for title in told))
    rows = [[title, *(_stage(told.get(title)) for told in ways.values())] for title in titles]
    return table(["stage", *(f"{WAYS[way]}: ms, requests/s a core" for way in ways)], rows) + _replaced(found)


def _stage(told: Record | None) -> str:
    return f"{told['ms']:.2f}, {_short(told['saturates_at'])}" if told and told["saturates_at"] else "-"


def nodes() -> str:
    """How many nodes, what they cost and what fills them."""
    found = _capacity()
    if isinstance(found, str):
        return found
    told = found["assumptions"]
    ways = [way for way in WAYS if way in found["plans"][0]]
    rows = [
        [plan["mix"], f"{plan['rate']:,}", *(_plan(plan[way]) for way in ways), _filled(plan[ways[-1]])]
        for plan in found["plans"]
    ]
    headings = ["mix", "pictures/s", *(f"{WAYS[way]}: nodes, cost an hour" for way in ways)]
    on = _machine(found["inputs"]["serving.json"]["hardware"])
    assumed = (
        f"Nodes of {told['node_cores']} vCPUs, each vCPU {told['price']:g} an hour; every stage busy "
        f"{told['utilisation']:.0%} at most, at most {told['waiting']:.0%} of the requests wait at it, and at least "
        f"{told['least']} of everything. Service times: {on}; hops, where of another machine, times {found['scale']:g}."
    )
    made = table([*headings, "most cores, its busiest stage when a node is lost"], rows)
    return f"{made}\n\n{assumed}{_replaced(found)}"


def _plan(plan: Record) -> str:
    return f"{plan['nodes']:,}, {_short(plan['hourly'])}"


def _filled(plan: Record) -> str:
    return f"{plan['first']}, {plan['lost']:.0%}"


def bursts() -> str:
    """What the simulation says of bursts and losses, beside what the formulas say of quiet times."""
    found = _capacity()
    if isinstance(found, str):
        return found
    rows = [
        [
            f"{row['mix']}, {row['rate']:,}/s on {row['plan']['nodes']} nodes",
            row["scenario"]["name"],
            f"{_short(1e3 * row['plan']['mean_s'])}, {_short(1e3 * row['plan']['p99_s'])}",
            *(_phase(row["phases"][name]) for name in ("before", "during", "after")),
        ]
        for row in found["simulated"]
    ]
    headings = ["mix", "what happens", "on paper, quiet: mean, 99 %"]
    headings += [f"{when}: ms mean, 50 %, 99 %; 429, 504" for when in ("before", "during", "after")]
    return f"{table(headings, rows)}\n\n{_errs(found['one_process'])}{_replaced(found)}"


def _phase(figures: Record) -> str:
    ms = ", ".join(_short(figures[name]) for name in ("mean_ms", "p50_ms", "p99_ms") if figures[name] is not None)
    return f"{ms or '-'}; {figures['429']:.1%}, {figures['504']:.1%}"


def _errs(compared: Record) -> str:
    """How far the simulation of one process is from what was measured."""
    off = {
        name: [figures[f"simulated_{name}"] / figures[f"measured_{name}"] - 1 for figures in compared.values()]
        for name in ("per_second", "lone_ms")
    }
    spans = {name: f"{_percent(min(errors))} to {_percent(max(errors))}" for name, errors in off.items()}
    return (
        f"One process simulated the same way against `bench/serving.json`: requests/s {spans['per_second']}, "
        f"lone ms {spans['lone_ms']}."
    )


def _percent(error: float) -> str:
    rounded = f"{error:+.0%}"
    return rounded if rounded.strip("+-") != "0%" else "0%"


def _capacity() -> Record | str:
    return _record("capacity.json", COMMAND)


def _replaced(found: Record) -> str:
    """A line below a table whose measurements were made anew since; empty where they are those that it is of."""
    names = [f"`bench/{name}`" for name, of in found["inputs"].items() if _date(name) not in (of["date"], None)]
    if not names:
        return ""
    return f"\n\nOf other measurements than are now in {' and '.join(names)}: `{COMMAND}` makes it anew."


def _date(name: str) -> str | None:
    """When a record was measured; None where it is not there."""
    path = BENCH / name
    return str(json.loads(path.read_text(encoding="utf-8"))["date"]) if path.is_file() else None


def _record(name: str, command: str) -> Record | str:
    """What was recorded, or the words that say that nothing was."""
    path = BENCH / name
    if not path.is_file():
        return f"Not measured yet: `{command}`."
    found: Record = json.loads(path.read_text(encoding="utf-8"))
    return found


def _short(value: float) -> str:
    return f"{value:.1f}" if value < 100 else f"{value:,.0f}"


TABLES: dict[str, Callable[[], str]] = {
    "cluster": cluster,
    "capacity_stages": stages,
    "capacity": nodes,
    "capacity_bursts": bursts,
}
