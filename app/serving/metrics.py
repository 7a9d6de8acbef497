"""What Prometheus reads at `/metrics`. Every label takes its values from a fixed set."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 2, 4, 8, 16, 32, 64)


class Metrics:
    """The metrics of one application, in a registry of their own so that two applications can live in one process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self.requests = Counter("lineup_requests", "Requests answered", ["route", "status"], registry=self.registry)
        self.latency = Histogram(
            "lineup_request_seconds",
            "From a request's head to the end of its answer",
            ["route"],
            buckets=SECONDS,
            registry=self.registry,
        )
        self.queue = Gauge(
            "lineup_queue_length", "Pictures waiting for a network", ["model", "dataset"], registry=self.registry
        )
        self.batches = Histogram(
            "lineup_batch_size", "Pictures in a forward pass", ["model"], buckets=SIZES, registry=self.registry
        )
        self.inference = Histogram(
            "lineup_inference_seconds", "A forward pass", ["model"], buckets=SECONDS, registry=self.registry
        )
        self.pictures = Counter("lineup_pictures", "Pictures read", ["dataset"], registry=self.registry)
        self.held = Gauge("lineup_held_bytes", "Bytes of uploads in memory", registry=self.registry)
        self._answered: dict[tuple[str, int], tuple[Counter, Histogram]] = {}  # found once: labels() takes a while

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count an answer of a route: its status, and its time from head to end."""
        known = self._answered.get((route, status))
        if known is None:
            known = self.requests.labels(route, str(status)), self.latency.labels(route)
            self._answered[route, status] = known
        count, latency = known
        count.inc()
        latency.observe(seconds)

    def watch_batches(self, model: str) -> Callable[[int, float], None]:
        """A function to be told of each batch of `model`: its size and its seconds."""
        sizes, seconds = self.batches.labels(model), self.inference.labels(model)

        def observe(size: int, took: float) -> None:
            sizes.observe(size)
            seconds.observe(took)

        return observe

    def text(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self.registry)
