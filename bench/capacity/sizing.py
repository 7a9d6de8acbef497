"""How many nodes: every stage gets the servers that `queues.staffed` says, a server is one core, nodes are filled.

On Ray a stage is a deployment whose replicas take one core each: ingress, intake and each network; the proxy is one a
node. Beside it stands what needs no Ray: processes of `lineup serve`, as many as there are cores, behind a balancer.
HTTP, intake and hops cost what they cost among 16 clients; a network what a picture by itself costs, since queues are
short at the utilisation that is aimed at: batches are what is left for bursts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from app.cluster.sizes import INGRESS, INTAKE
from bench.capacity import queues
from bench.capacity.costs import CLIENTS, Costs, Hops
from models import catalog

PROXY = "proxy"


@dataclass(frozen=True)
class Mix:
    """What each request asks: of one picture these networks."""

    name: str
    networks: tuple[str, ...]
    photograph: bool = False


MIXES = (
    Mix("lenet", ("lenet",)),
    Mix("resnet18", ("resnet18",)),
    Mix("resnet18, photographs of 12 megapixels", ("resnet18",), photograph=True),
    Mix("vgg11", ("vgg11",)),
    Mix("all seven (/compare)", tuple(catalog.ARCHITECTURES)),
)


@dataclass(frozen=True)
class Assumptions:
    """What is chosen, not measured. `waiting`: the share of requests that may find every server of a stage busy.
    `least`: servers of any stage, on nodes of their own, so that no node's loss takes a stage away. `price`: of one
    vCPU for one hour, in whatever money.
    """

    node_cores: int = 8
    utilisation: float = 0.7
    waiting: float = 0.2
    least: int = 2
    price: float = 0.04

    def __post_init__(self) -> None:
        """ValueError names what cannot be; the two shares are looked at by `queues.staffed`."""
        if self.node_cores < 1:
            raise ValueError(f"a node of {self.node_cores} cores cannot be; wanted at least 1")
        if self.least < 1:
            raise ValueError(f"{self.least} servers are none; wanted at least 1 of every stage")
        if not 0 <= self.price < math.inf:
            raise ValueError(f"a price of {self.price:g} cannot be; wanted 0 or more")


@dataclass(frozen=True)
class Plan:
    """`servers`: cores by stage. `first`: the stage that takes most of the cores. `lost`: how busy the rest is when a
    node is lost; None where there is but one. `mean_s`, `p99_s`: of a lone stage's queues in a row, by `queues`.
    """

    servers: dict[str, int]
    nodes: int
    hourly: float
    first: str
    lost: float | None
    mean_s: float
    p99_s: float


def stages(costs: Costs, hops: Hops, mix: Mix) -> dict[str, float]:
    """Seconds of a core that one request takes of each stage on Ray."""
    network = {name: hops.network_s + costs.networks[name].seconds(1) for name in mix.networks}
    return {
        PROXY: hops.proxy_s,
        INGRESS: hops.ingress_s + hops.call_s * (len(mix.networks) - 1),
        INTAKE: hops.intake_s + costs.photograph_s * mix.photograph,
        **network,
    }


def on_ray(costs: Costs, hops: Hops, mix: Mix, rate: float, told: Assumptions) -> Plan:
    """The nodes that answer `rate` requests a second on Ray. ValueError where Ray itself would fill a node."""
    if told.node_cores <= hops.idle_cores:
        raise ValueError(f"{told.node_cores} cores of a node are too few; Ray by itself takes {hops.idle_cores:.2f}")
    taken = {name: seconds for name, seconds in stages(costs, hops, mix).items() if seconds}
    servers = {name: _servers(rate * seconds, told) for name, seconds in taken.items()}
    nodes = max(told.least, math.ceil(sum(servers.values()) / (told.node_cores - hops.idle_cores)))
    if hops.one_proxy:
        nodes = max(nodes, servers.get(PROXY, 1))
    transit_s = hops.transit_s * (3 if INTAKE in taken else 2)
    return _plan(taken, servers, nodes, rate, told, costs.cv2, transit_s)


def without_ray(costs: Costs, mix: Mix, rate: float, told: Assumptions) -> Plan:
    """The nodes that answer `rate` requests a second as processes behind a balancer, each doing everything."""
    way_s = costs.way.among(CLIENTS) + costs.photograph_s * mix.photograph
    taken = {"process": way_s + sum(costs.networks[name].seconds(1) for name in mix.networks)}
    servers = {"process": _servers(rate * taken["process"], told)}
    nodes = max(told.least, math.ceil(servers["process"] / told.node_cores))
    return _plan(taken, servers, nodes, rate, told, costs.cv2, 0.0)


def _servers(load: float, told: Assumptions) -> int:
    return max(told.least, queues.staffed(load, told.utilisation, told.waiting))


def _plan(
    taken: dict[str, float],
    servers: dict[str, int],
    nodes: int,
    rate: float,
    told: Assumptions,
    cv2: float,
    transit_s: float,
) -> Plan:
    load = {name: rate * seconds for name, seconds in taken.items()}
    hourly = nodes * told.node_cores * told.price
    one = {name: (servers[name], load[name], taken[name], cv2) for name in taken}
    # The networks of one request work beside each other: the slowest is what it waits for.
    before = [name for name in taken if name in (INGRESS, PROXY, INTAKE, "process")]
    slowest = max((name for name in taken if name not in before), key=lambda name: taken[name], default=None)
    row = [*before, *([slowest] if slowest else [])]
    service_s = transit_s + sum(taken[name] for name in row)
    return Plan(
        servers=servers,
        nodes=nodes,
        hourly=round(hourly, 4),
        first=max(servers, key=lambda name: servers[name]),
        lost=round(max(load[name] / servers[name] for name in load) * nodes / (nodes - 1), 3) if nodes > 1 else None,
        mean_s=round(service_s + sum(queues.mean_wait_s(*one[name]) for name in row), 5),
        p99_s=round(service_s + sum(queues.wait_s(0.99, *one[name]) for name in row), 5),
    )
