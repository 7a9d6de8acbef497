"""A Ray cluster in the simulation, and the way of a request through it.

A request goes through proxy and ingress, then the intake, then its networks beside each other. Of a stage's replicas
two are drawn, and the one with less to do is asked, as Ray Serve does (Mitzenmacher, The power of two choices, 2001).
What waits at a handle and what waits in a replica is one queue here, the replica's.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import simpy

from app.client.attempts import FIRST_PAUSE_S
from app.cluster import sizes
from app.settings import Settings
from bench.capacity.costs import Costs, Hops, Work, max_batch
from bench.capacity.sizing import INGRESS, INTAKE, PROXY, Mix, Plan, stages
from bench.capacity.stage import Node, Stage
from bench.capacity.stations import DONE, GONE, LATE, REFUSED, Own, Station, Steps, varying

FRONT = (PROXY, INGRESS)


@dataclass(frozen=True)
class Rules:
    """What is set in the service or in Ray, or assumed of the machines (the last three). Replicas are added once for
    `upscale_s` the requests that each has, averaged over `look_back_s`, were more than its deployment aims at; at most
    so many `times` those that there were. `notice_s`: until a node's loss is known. `node_s`: until a new one answers.
    """

    deadline_s: float = Settings().deadline_s
    retry_s: float = FIRST_PAUSE_S
    look_back_s: float = 30.0
    upscale_s: float = sizes.UPSCALE_DELAY_S
    times: int = 3
    notice_s: float = 1.0
    node_s: float = 30.0


@dataclass(frozen=True)
class Answer:
    """`status`: 200, 429 or 504. `broken`: how often the client had to ask anew. `missing`: networks that were asked
    and are not in the answer.
    """

    arrived: float
    seconds: float
    status: int
    broken: int
    missing: int


class Fleet:
    """The cluster of a plan. `answers` has one for every request that `request` was called for."""

    def __init__(
        self,
        env: simpy.Environment,
        costs: Costs,
        hops: Hops,
        mix: Mix,
        plan: Plan,
        rules: Rules,
        seed: int,
    ) -> None:
        self.env, self.rules, self.source = env, rules, random.Random(seed)
        self._networks, self._transit_s = [name for name in mix.networks if name in plan.servers], hops.transit_s
        vary = varying(costs.cv2, self.source)
        batched = {name: costs.networks[name] for name in self._networks}

        def maker(name: str, seconds: float) -> Callable[[], Station]:
            fixed_s = batched[name].fixed_s if name in batched else 0.0
            most = max_batch(name) if name in batched else 1
            work, limit = Work(fixed_s, seconds - fixed_s), _most(name, plan)
            return lambda: Station(env, Own(env), work, max_batch=most, max_queue=limit, vary=vary)

        taken = stages(costs, hops, mix)
        self.stages = {name: Stage(name, maker(name, taken[name]), self.source) for name in plan.servers}
        self.nodes = [Node() for _ in range(plan.nodes)]
        self._place(plan)
        self.answers: list[Answer] = []
        self.arrived = 0

    def _place(self, plan: Plan) -> None:
        """Deal the replicas round; at least one of the front to every node."""
        turn = 0
        for name, count in plan.servers.items():
            for _ in range(max(count, len(self.nodes)) if name in FRONT else count):
                self.stages[name].add(self.nodes[turn % len(self.nodes)])
                turn += 1

    def request(self) -> None:
        """One comes now."""
        self.arrived += 1
        self.env.process(self._answered())

    def _answered(self) -> Steps:
        """Ask until there is an answer or the deadline has passed, as `app.client` does where a connection breaks."""
        arrived, broken, hows, me = self.env.now, 0, [GONE], self.env.active_process
        deadline = arrived + self.rules.deadline_s
        while hows == [GONE] and self.env.now < deadline:
            attached: list[Node] = []
            hows = []
            try:
                yield from self._way(me, deadline, attached, hows)
            except simpy.Interrupt:
                hows = [GONE]
            for name, node in zip(FRONT, attached, strict=False):
                self.stages[name].held -= 1
                node.requests.discard(me)
            if hows == [GONE]:
                broken += 1
                yield self.env.timeout(self.rules.retry_s)
        late = self.env.now > deadline
        seconds = min(self.env.now, deadline) - arrived
        status = 504 if late else _status(hows)
        missing = sum(how != DONE for how in hows) if status == 200 else 0
        self.answers.append(Answer(arrived, seconds, status, broken, missing))

    def _way(self, me: simpy.Process, deadline: float, attached: list[Node], hows: list[str]) -> Steps:
        """Through every stage; how it ended goes to `hows`. A connection ends with the node that holds it."""
        for name in FRONT:
            station = self.stages[name].choose()
            if station is None:
                hows.append(GONE)
                return
            node = self.stages[name].node_of[station]
            if name != PROXY:  # three hops in all: by so many `costs` divides what passed from client to network
                yield self.env.timeout(self._transit_s)
            how = yield station.submit(deadline)
            if how != DONE:
                hows.append(how)
                return
            attached.append(node)
            self.stages[name].held += 1
            node.requests.add(me)
        if INTAKE in self.stages:
            yield from self._ask([INTAKE], deadline, hows)
            if hows != [DONE]:
                return
            hows.clear()
        yield from self._ask(self._networks, deadline, hows)

    def _ask(self, names: Iterable[str], deadline: float, hows: list[str]) -> Steps:
        """Deployments beside each other; one whose replica is gone is asked again while there is time."""
        left = list(names)
        while left:
            yield self.env.timeout(self._transit_s)
            asked = {}
            for name in left:
                station = self.stages[name].choose()
                asked[name] = station.submit(deadline) if station is not None else self.env.event().succeed(GONE)
            yield self.env.all_of(list(asked.values()))
            hows.extend(event.value for event in asked.values() if event.value != GONE)
            left = [name for name in left if asked[name].value == GONE]
            if left:
                yield self.env.timeout(self.rules.retry_s)
            if left and self.env.now >= deadline:
                hows.extend(LATE for _ in left)
                return

    def start(self, stages_of_new: list[Stage]) -> None:
        """A new node, with a replica of each of these."""
        node = Node()
        self.nodes.append(node)
        for stage in stages_of_new:
            stage.add(node)


def _most(name: str, plan: Plan) -> int | None:
    """How many may wait for one replica: what it takes at once, and its part of what waits at those who ask it."""
    if name == PROXY:
        return None
    size = sizes.size(name, Settings())
    callers = plan.servers.get(PROXY if name == INGRESS else INGRESS, 1)
    return size.max_ongoing_requests + math.ceil(size.max_queued_requests * callers / plan.servers[name])


def _status(hows: list[str]) -> int:
    if DONE in hows:
        return 200
    return 429 if REFUSED in hows else 504
