"""A deployment in the simulation, and the nodes that its replicas are on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import simpy

from bench.capacity.stations import Station


@dataclass(eq=False)
class Node:
    """What is lost together: stations, each of its stage, and the connections of requests."""

    stations: list[tuple[Stage, Station]] = field(default_factory=list)
    requests: set[simpy.Process] = field(default_factory=set)


class Stage:
    """The replicas of one deployment."""

    def __init__(self, name: str, make: Callable[[], Station], source: random.Random) -> None:
        self.name, self._make, self._source = name, make, source
        self.replicas: list[Station] = []
        self.node_of: dict[Station, Node] = {}
        self.held = 0  # requests that have been here and are not answered yet

    def add(self, node: Node) -> None:
        """Start a replica on a node."""
        station = self._make()
        self.replicas.append(station)
        self.node_of[station] = node
        node.stations.append((self, station))

    def choose(self) -> Station | None:
        """Of two that are drawn the one with less to do; None where there is no replica."""
        if not self.replicas:
            return None
        one, other = (self._source.choice(self.replicas) for _ in range(2))
        return one if len(one) <= len(other) else other

    def ongoing(self) -> int:
        """How many requests its replicas have, those included that wait there for others' answers."""
        return sum(map(len, self.replicas)) + self.held
