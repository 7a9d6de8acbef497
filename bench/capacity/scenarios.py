"""Bursts, lost nodes and scaling up, simulated on the nodes that `sizing` plans; and what became of the requests."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import simpy

from app.cli.bench import quantile_ms
from bench.capacity.changes import autoscale, lose
from bench.capacity.costs import Costs, Hops
from bench.capacity.fleet import Answer, Fleet, Rules
from bench.capacity.sizing import Mix, Plan
from bench.capacity.stations import Steps

SETTLED_S = 2.0  # from the start, whose queues are empty, to the first answer that counts


@dataclass(frozen=True)
class Scenario:
    """Something happens from `from_s` to `to_s`: so many `times` the rate, or the loss of a node at the beginning."""

    name: str
    seconds: float
    from_s: float
    to_s: float
    times: float = 1.0
    lost: bool = False
    autoscaling: bool = False


SCENARIOS = (
    Scenario("three times as many for 10 s", 40, 10, 20, times=3),
    Scenario("a node is lost", 60, 10, 40, lost=True),
    Scenario("twice as many from now on, autoscaling", 110, 10, 75, times=2, autoscaling=True),
)


def simulated(
    costs: Costs,
    hops: Hops,
    mix: Mix,
    plan: Plan,
    rate: float,
    scenario: Scenario,
    seed: int,
    rules: Rules | None = None,
) -> list[Answer]:
    """The answers to all requests of a scenario; the same for the same seed."""
    env = simpy.Environment()
    fleet = Fleet(env, costs, hops, mix, plan, rules or Rules(), seed)
    env.process(_arrivals(fleet, scenario, rate, random.Random(seed + 1)))
    if scenario.autoscaling:
        env.process(autoscale(fleet, scenario.seconds))
    if scenario.lost:
        env.process(_at(env, scenario.from_s, lose(fleet, fleet.nodes[0])))
    env.run()
    if len(fleet.answers) != fleet.arrived:
        raise AssertionError(f"{fleet.arrived} requests came and {len(fleet.answers)} were answered")
    return fleet.answers


def _arrivals(fleet: Fleet, scenario: Scenario, rate: float, source: random.Random) -> Steps:
    """A Poisson process, whose rate is another while something happens (for good where it is to be scaled up)."""
    while fleet.env.now < scenario.seconds:
        more = scenario.from_s <= fleet.env.now and (fleet.env.now < scenario.to_s or scenario.autoscaling)
        yield fleet.env.timeout(source.expovariate(rate * (scenario.times if more else 1)))
        fleet.request()


def _at(env: simpy.Environment, seconds: float, process: Steps) -> Steps:
    yield env.timeout(seconds)
    yield from process


def phases(answers: Sequence[Answer], scenario: Scenario) -> dict[str, dict[str, Any]]:
    """What became of the requests that came before, during and after what happens."""
    bounds = {
        "before": (SETTLED_S, scenario.from_s),
        "during": (scenario.from_s, scenario.to_s),
        "after": (scenario.to_s, scenario.seconds),
    }
    return {
        name: summed([answer for answer in answers if begin <= answer.arrived < end])
        for name, (begin, end) in bounds.items()
    }


def summed(answers: Sequence[Answer]) -> dict[str, Any]:
    """Number, milliseconds of those with an answer (quantiles by nearest rank), and shares of the others."""
    taken = sorted(answer.seconds for answer in answers if answer.status == 200)
    number = max(1, len(answers))
    return {
        "n": len(answers),
        "mean_ms": round(1e3 * sum(taken) / len(taken), 2) if taken else None,
        **{f"p{share:g}_ms": quantile_ms(taken, share / 100) for share in (50, 99)},
        **{f"{status}": round(sum(answer.status == status for answer in answers) / number, 5) for status in (429, 504)},
        "asked_anew": round(sum(answer.broken > 0 for answer in answers) / number, 5),
        "networks_missing": round(sum(answer.missing > 0 for answer in answers) / number, 5),
    }
