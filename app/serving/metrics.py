"""What Prometheus reads at `/metrics`. Every label takes its values from a fixed set.

One process counts for itself. Where PROMETHEUS_MULTIPROC_DIR was set before prometheus_client was imported, all
processes with that folder count into files there, and whichever is asked answers for all of them.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest, values
from prometheus_client.multiprocess import MultiProcessCollector

from models.intake.pipeline import Seen

SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)
FRESH_S = 1.0  # how old a gauge of another process may be
# Codes of errors that refuse what might have been answered at another time, or by somebody else's leave.
REFUSALS = frozenset(
    ("unauthorized", "queue_full", "rate_limited", "not_ready", "model_unavailable", "deadline_exceeded")
)

Checkpoint = tuple[str, str, str, str]  # network, dataset, digest, form


class Metrics:
    """The metrics of one application, in a registry of their own so that two applications can live in one process.

    Child metrics are found once and kept: to look one up takes longer than to count.
    """

    def __init__(self) -> None:
        self.shared = values.ValueClass is not values.MutexValue
        self._registry = CollectorRegistry()
        if not self.shared:
            ProcessCollector(registry=self._registry)
        self._requests = self._counter("requests", "Requests answered", "route", "model", "status", "code")
        self._latency = self._seconds("request", "From a request's head to the end of its answer", "route")
        self._step = self._seconds("step", "A step of the intake; total: from the whole upload to the answer", "step")
        self._queued = self._seconds("queue", "A picture's wait for its network", "model")
        self._inference = self._seconds("inference", "A forward pass", "model")
        self._batches = self._histogram("batch_size", "Pictures in a forward pass", SIZES, "model")
        self._pictures = self._counter("pictures", "Pictures read", "dataset")
        self._rejections = self._counter("rejections", "Requests refused, or given up for lateness", "reason")
        self.queue = self._gauge("queue_length", "Pictures waiting for a network", "livesum", "model", "dataset")
        self.intake = self._gauge("intake_length", "Pictures waiting to be opened, or being opened", "livesum")
        self.features = self._gauge("features_length", "Pictures waiting for feature maps, or at work", "livesum")
        self.held = self._gauge("held_bytes", "Bytes of uploads in memory", "livesum")
        self.breaker = self._gauge("breaker_open", "1 while a network is left alone", "livemax", "model", "dataset")
        self._digests = self._gauge(
            "checkpoint_info", "1: it answers; 0: it did", "livemax", "model", "dataset", "digest", "form"
        )
        self._steps = {name: self._step.labels(name) for name in ("decode", "auto", "prepare", "gate", "find", "total")}
        self._answered: dict[tuple[str, str, int, str], tuple[Counter, Histogram]] = {}
        self._children: dict[tuple[Counter | Histogram, str], Any] = {}
        self._watched: list[tuple[Gauge, Callable[[], float]]] = []
        self._checkpoints: Callable[[], Iterable[Checkpoint]] = tuple
        self._told: dict[Checkpoint, Gauge] = {}

    def answered(self, route: str, model: str, status: int, code: str, seconds: float) -> None:
        """Count an answer of a route: the one network asked ("": none or several), its status, the error's code or
        "ok", and its time from head to end.
        """
        known = self._answered.get((route, model, status, code))
        if known is None:
            known = self._requests.labels(route, model, str(status), code), self._latency.labels(route)
            self._answered[route, model, status, code] = known
        count, latency = known
        count.inc()
        latency.observe(seconds)
        if code in REFUSALS and route != "/readyz":  # which says so to whoever asks just that
            self.rejected(code)

    def rejected(self, reason: str) -> None:
        """Count a refusal. Those that are answered by the application are counted by `answered`, by their codes."""
        self._child(self._rejections, reason).inc()

    def took(self, step: str, seconds: float) -> None:
        """Note what a step took: decode, auto, prepare, gate, find or total."""
        self._steps[step].observe(seconds)

    def saw(self, seen: Seen) -> None:
        """Note a picture and what its steps took, but for those that were not taken."""
        self._child(self._pictures, seen.dataset).inc()
        self.took("decode", seen.decode_s)
        self.took("prepare", seen.prepare_s)
        if seen.dataset_confidence is not None:
            self.took("auto", seen.auto_s)
        if seen.verdict is not None:
            self.took("gate", seen.gate_s)

    def saw_page(self, decode_s: float, find_s: float) -> None:
        """Note a picture of a number and what its steps took."""
        self._child(self._pictures, "mnist").inc()
        self.took("decode", decode_s)
        self.took("find", find_s)

    def waited(self, model: str, seconds: float) -> None:
        """Note how long a picture waited for its network."""
        self._child(self._queued, model).observe(seconds)

    def watch_batches(self, model: str) -> Callable[[int, float], None]:
        """A function to be told of each batch of `model`: its size and its seconds."""
        sizes, seconds = self._batches.labels(model), self._inference.labels(model)

        def observe(size: int, took: float) -> None:
            sizes.observe(size)
            seconds.observe(took)

        return observe

    def watch(self, gauge: Gauge, value: Callable[[], float]) -> None:
        """Let a gauge say what `value` gives: whenever it is read, and for other processes every FRESH_S seconds."""
        self._watched.append((gauge, value))

    def watch_checkpoints(self, loaded: Callable[[], Iterable[Checkpoint]]) -> None:
        """Let `/metrics` tell the checkpoints that `loaded` gives."""
        self._checkpoints = loaded

    async def keep_fresh(self) -> None:
        """Write the gauges for the other processes, again and again; never ends."""
        while True:
            self._refresh()
            await asyncio.sleep(FRESH_S)

    async def text(self) -> bytes:
        """All metrics, those of all processes where they share a folder, in Prometheus' text format."""
        self._refresh()
        return await asyncio.to_thread(self._written)  # milliseconds, that no other request should wait

    def _written(self) -> bytes:
        if not self.shared:
            return generate_latest(self._registry)
        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _refresh(self) -> None:
        for gauge, value in self._watched:
            gauge.set(value())
        loaded = set(self._checkpoints())
        for checkpoint in loaded:
            self._told.setdefault(checkpoint, self._digests.labels(*checkpoint))
        for checkpoint, gauge in self._told.items():
            gauge.set(checkpoint in loaded)  # never taken away: files of several processes cannot forget

    def _child(self, metric: Any, label: str) -> Any:
        key = (metric, label)
        child = self._children.get(key)
        if child is None:
            child = self._children[key] = metric.labels(label)
        return child

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"lineup_{name}", told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str, mode: Any, *labels: str) -> Gauge:
        return Gauge(f"lineup_{name}", told, labels, registry=self._registry, multiprocess_mode=mode)

    def _seconds(self, name: str, told: str, *labels: str) -> Histogram:
        return self._histogram(f"{name}_seconds", told, SECONDS, *labels)

    def _histogram(self, name: str, told: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"lineup_{name}", told, labels, buckets=buckets, registry=self._registry)
