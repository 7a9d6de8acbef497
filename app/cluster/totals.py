"""Metrics of many replicas as one: counts and lengths are added, and of what is 1 or 0 the highest is told."""

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from app.serving.metrics import HIGHEST

Labels = tuple[tuple[str, str], ...]


def together(texts: Iterable[bytes]) -> bytes:
    """Metrics in Prometheus' text format, from those of each process; what is of a process alone is left out."""
    totals = _Totals()
    for text in texts:
        totals.add(text)
    registry = CollectorRegistry()
    registry.register(totals)
    return generate_latest(registry)


class _Totals(Collector):
    def __init__(self) -> None:
        self._families: dict[str, Metric] = {}
        self._values: dict[str, dict[tuple[str, Labels], float]] = {}

    def add(self, text: bytes) -> None:
        for family in text_string_to_metric_families(text.decode()):
            if not family.name.startswith("lineup_") or family.name.endswith("_created"):
                continue
            self._families.setdefault(family.name, family)
            values = self._values.setdefault(family.name, {})
            for sample in family.samples:
                key = sample.name, tuple(sample.labels.items())
                before = values.get(key)
                joined = max if family.name in HIGHEST else _sum
                values[key] = sample.value if before is None else joined(before, sample.value)

    def collect(self) -> Iterator[Metric]:
        for name, family in self._families.items():
            told = Metric(name, family.documentation, family.type)
            for (sample, labels), value in self._values[name].items():
                told.add_sample(sample, dict(labels), value)
            yield told


def _sum(one: float, other: float) -> float:
    return one + other
