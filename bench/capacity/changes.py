"""What changes in a simulated cluster while it works: a node is lost, replicas are added."""

from __future__ import annotations

from math import ceil

from app.cluster import sizes
from app.cluster.sizes import INGRESS
from app.settings import Settings
from bench.capacity.fleet import Fleet
from bench.capacity.sizing import PROXY
from bench.capacity.stage import Node, Stage
from bench.capacity.stations import Steps


def lose(fleet: Fleet, node: Node) -> Steps:
    """A process: a node is gone, is found to be so, and is replaced."""
    for _, station in node.stations:
        station.lose()
    yield fleet.env.timeout(fleet.rules.notice_s)
    for stage, station in node.stations:
        stage.replicas.remove(station)
        station.bury()
    for request in list(node.requests):
        request.interrupt()
    fleet.nodes.remove(node)
    yield from _later(fleet, [stage for stage, _ in node.stations], fleet.rules.node_s - fleet.rules.notice_s)


def autoscale(fleet: Fleet, until: float) -> Steps:
    """A process: look once a second, as Ray Serve's controller does more often."""
    rules, stages = fleet.rules, fleet.stages
    aimed_at = {name: sizes.size(name, Settings()).target_ongoing_requests for name in stages if name != PROXY}
    coming = {name: len(stage.replicas) for name, stage in stages.items()}
    most = {name: rules.times * count for name, count in coming.items()}
    seen: dict[str, list[int]] = {name: [] for name in stages}
    over = dict.fromkeys(stages, 0)
    while fleet.env.now < until:
        yield fleet.env.timeout(1)
        for name, stage in stages.items():
            seen[name] = [*seen[name], stage.ongoing()][-round(rules.look_back_s) :]
            # A proxy comes with its node, and nodes come as the front's replicas do.
            each = aimed_at.get(name, aimed_at[INGRESS])
            wanted = min(most[name], ceil(sum(seen[name]) / len(seen[name]) / each))
            over[name] = over[name] + 1 if wanted > coming[name] else 0
            if over[name] >= rules.upscale_s:
                fleet.env.process(_later(fleet, [stage] * (wanted - coming[name]), rules.node_s))
                coming[name], over[name] = wanted, 0


def _later(fleet: Fleet, stages: list[Stage], seconds: float) -> Steps:
    yield fleet.env.timeout(seconds)
    fleet.start(stages)
