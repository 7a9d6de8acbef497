"""Metrics of many replicas beside each other, told apart by the label `replica`.

They are not added up: the sum of counters falls when a replica goes, and Prometheus takes a counter that falls for one
that began anew. Sums are the reader's: `sum by (route) (rate(lineup_requests_total[1m]))`.
"""

import secrets
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Told:
    """What one replica counted, in Prometheus' text format."""

    replica: str
    text: bytes


def named(deployment: str) -> str:
    """A name that no other replica has."""
    return f"{deployment}-{secrets.token_hex(4)}"


def together(each: Iterable[Told]) -> bytes:
    """All of it in Prometheus' text format; what is of a process and not of Lineup is left out."""
    registry = CollectorRegistry()
    registry.register(_Together(each))
    return generate_latest(registry)


class _Together(Collector):
    def __init__(self, each: Iterable[Told]) -> None:
        self._families: dict[str, Metric] = {}
        for told in each:
            self._add(told)

    def _add(self, told: Told) -> None:
        for family in text_string_to_metric_families(told.text.decode()):
            if not family.name.startswith("lineup_") or family.name.endswith("_created"):
                continue
            kept = self._families.setdefault(family.name, Metric(family.name, family.documentation, family.type))
            for sample in family.samples:
                kept.add_sample(sample.name, {**sample.labels, "replica": told.replica}, sample.value)

    def collect(self) -> Iterator[Metric]:
        yield from self._families.values()
