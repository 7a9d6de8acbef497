"""One process of `lineup serve` simulated on the cores that `make bench` had, to see how far the simulation errs.

Nothing is fitted: from processor time a request follow requests a second and milliseconds, which were measured too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import simpy

from bench.capacity.costs import CLIENTS, Costs, max_batch
from bench.capacity.stations import Cores, Station, Steps

DEADLINE_S = 10.0
SETTLED_S, SECONDS = 1.0, 6.0


def closed_loop(costs: Costs, networks: Sequence[str], clients: int, cores: int, seconds: float) -> list[float]:
    """Seconds that each answer took, of clients who ask again as soon as they are answered."""
    env = simpy.Environment()
    shared = Cores(env, cores)
    way = Station(env, shared, costs.way, max_batch=CLIENTS)
    # What LeNet takes is in the way; the others run on threads beside the event loop.
    behind = [
        Station(env, shared, costs.networks[name], streams=cores, max_batch=max_batch(name))
        for name in networks
        if costs.networks[name].seconds(1)
    ]
    taken: list[float] = []

    def client() -> Steps:
        while env.now < seconds:
            begun = env.now
            yield way.submit(begun + DEADLINE_S)
            yield env.all_of([station.submit(begun + DEADLINE_S) for station in behind])
            if SETTLED_S <= env.now < seconds:
                taken.append(env.now - begun)

    for _ in range(clients):
        env.process(client())
    env.run(seconds)
    return sorted(taken)


def compared(costs: Costs, serving: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Requests a second and lone milliseconds of each network and of all seven, measured and simulated."""
    ours = serving["servers"]["lineup"]
    asked = {name: ([name], figures) for name, figures in ours["networks"].items()}
    asked["all seven"] = (list(costs.networks), ours["compare"])
    found = {}
    for name, (networks, figures) in asked.items():
        lone, many = (
            closed_loop(costs, networks, figures[part]["clients"], serving["hardware"]["cores"], SECONDS)
            for part in ("lone", "many")
        )
        found[name] = {
            "measured_per_second": figures["many"]["per_second"],
            "simulated_per_second": round(len(many) / (SECONDS - SETTLED_S), 1),
            "measured_lone_ms": figures["lone"]["p50_ms"],
            "simulated_lone_ms": round(1e3 * lone[len(lone) // 2], 2),
        }
    return found
