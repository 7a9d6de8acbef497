"""How many nodes, what they cost, and what bursts and losses do to them: ``python -m bench.capacity``.

From bench/serving.json, bench/intake.json and bench/cluster.json; written to RECORD, from which tables of docs/speed.md
come. With other assumptions it is shown and not recorded, unless --record names a file. Takes minutes, most of them
for the simulation.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench import recording
from bench.capacity import one_process, scenarios, sizing
from bench.capacity.costs import FOLDER, PLAIN, PROXIES, RECORDS, Costs, MissingRecord, read
from bench.capacity.fleet import Rules
from models.arguments import whole
from models.checkpoints import atomic

RECORD = FOLDER / "capacity.json"
RATES = (1_000, 10_000, 100_000)
SIMULATED = {
    "resnet18": 1_000,
    "vgg11": 200,
    "all seven (/compare)": 100,
}  # requests a second: what minutes suffice for
OF_A_PLAN = ("nodes", "hourly", "first", "lost", "mean_s", "p99_s", "servers")
OF_THE_RECORD = ("node_cores", "utilisation", "waiting", "price", "seed", "records")  # options it was made with: none
WAYS = (PLAIN, *PROXIES)
Figures = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    """Work it out, print and record; 2 where a measurement is missing or an option is wrong."""
    parser = _parser()
    options = parser.parse_args(argv)
    try:
        record = recording.place(parser, options, RECORD, OF_THE_RECORD)
        told = sizing.Assumptions(options.node_cores, options.utilisation, options.waiting, price=options.price)
        costs = read(options.records)
        found = {
            "date": datetime.now(UTC).isoformat(timespec="seconds"),
            "inputs": _inputs(options.records),
            "scale": round(costs.scale, 3),
            "cv2": round(costs.cv2, 4),
            "assumptions": asdict(told),
            "stages": {way: stages(costs, way) for way in costs.hops},
            "plans": [plans(costs, mix, rate, told) for mix in sizing.MIXES for rate in RATES],
        }
    except (MissingRecord, ValueError) as error:
        print(f"capacity: {error}", file=sys.stderr)
        return 2
    for row in found["plans"]:
        print(f"{row['mix']}, {row['rate']:,}/s: {', '.join(_shown(way, row[way]) for way in WAYS if way in row)}")
    serving = json.loads((options.records / "serving.json").read_text(encoding="utf-8"))
    found["one_process"] = one_process.compared(costs, serving)
    found["rules"], found["seed"] = asdict(Rules()), options.seed
    found["simulated"] = list(simulated(costs, told, options.seed))
    if record:
        atomic.write_json(record, found)
    return 0


def _shown(way: str, plan: Figures) -> str:
    return f"{way} {plan['nodes']:,} nodes, {plan['hourly']:g} an hour"


def _inputs(folder: Path) -> Figures:
    """Which measurements, of when and of what machine."""
    told = {name: json.loads((folder / name).read_text(encoding="utf-8")) for name in RECORDS}
    return {name: {"date": record["date"], "hardware": record["hardware"]} for name, record in told.items()}


def stages(costs: Costs, way: str) -> Figures:
    """What a request takes of every stage, and how many a second saturate one core of it."""
    found: Figures = {}
    for mix in sizing.MIXES:
        for name, seconds in sizing.stages(costs, costs.hops[way], mix).items():
            told = {"ms": round(1e3 * seconds, 3), "saturates_at": round(1 / seconds, 1) if seconds else None}
            known = [title for title in found if title.partition(",")[0] == name]
            if told not in [found[title] for title in known]:
                found[f"{name}, {mix.name}" if known else name] = told
    return found


def plans(costs: Costs, mix: sizing.Mix, rate: int, told: sizing.Assumptions) -> Figures:
    """The nodes for so many requests a second, with and without Ray."""
    ways = {way: sizing.on_ray(costs, hops, mix, rate, told) for way, hops in costs.hops.items()}
    ways |= {PLAIN: sizing.without_ray(costs, mix, rate, told)}
    return {"mix": mix.name, "rate": rate} | {way: _told(plan) for way, plan in ways.items()}


def _told(plan: sizing.Plan) -> Figures:
    return {name: getattr(plan, name) for name in OF_A_PLAN}


def simulated(costs: Costs, told: sizing.Assumptions, seed: int) -> list[Figures]:
    """Every scenario for every mix of SIMULATED, beside what the formulas say of quiet times."""
    way = next(name for name in reversed(PROXIES) if name in costs.hops)
    found = []
    for mix in (mix for mix in sizing.MIXES if mix.name in SIMULATED):
        rate, hops = SIMULATED[mix.name], costs.hops[way]
        plan = sizing.on_ray(costs, hops, mix, rate, told)
        for scenario in scenarios.SCENARIOS:
            answers = scenarios.simulated(costs, hops, mix, plan, rate, scenario, seed)
            phases = scenarios.phases(answers, scenario)
            row = {"mix": mix.name, "rate": rate, "way": way, "plan": _told(plan), "scenario": asdict(scenario)}
            found.append(row | {"phases": phases})
            print(f"{mix.name}, {rate}/s, {scenario.name}: {phases['during']}", flush=True)
    return found


def _parser() -> argparse.ArgumentParser:
    told = sizing.Assumptions()
    parser = argparse.ArgumentParser(prog="bench.capacity", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--node-cores", type=whole(1), default=told.node_cores, help=f"of a node ({told.node_cores})")
    parser.add_argument(
        "--utilisation", type=float, default=told.utilisation, help=f"at most, of every stage ({told.utilisation})"
    )
    parser.add_argument(
        "--waiting", type=float, default=told.waiting, help=f"share that may wait at a stage ({told.waiting})"
    )
    parser.add_argument("--price", type=float, default=told.price, help=f"of a vCPU hour, in any money ({told.price})")
    parser.add_argument("--seed", type=whole(0), default=13, help="of the simulation (13)")
    parser.add_argument("--records", type=Path, default=FOLDER, help="folder of the measurements (bench/)")
    parser.add_argument("--record", type=Path, help="file to write (bench/capacity.json, of none of these options)")
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
