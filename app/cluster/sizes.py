"""How large each deployment is on a Ray cluster, from settings and the catalog; without Ray, so that anybody may ask.

`ingress` has the routes, `intake` opens and judges pictures, and every network is a deployment of its own. This is
where a deployment starts; the Serve configuration (`lineup deploy --print serve`) repeats it, to be changed there.
"""

from dataclasses import dataclass
from typing import Any

from app.cluster.nodes import MAX_REPLICAS
from app.serving import batches
from app.settings import Settings, split
from models import catalog

INGRESS, INTAKE = "ingress", "intake"

# Cores and the part of a GPU that a network's replica reserves, by its multiply-adds for one picture: a little more for
# each than its part of the processor's time (bench/serving.json: 1.1 ms for LeNet with all that is around it, 2.5 to
# 3.3 for those to 320 M, 5.1 and 6.8 for NiN and AlexNet, 40 for VGG-11). With ingress and intake the seven reserve
# 1.9 cores, so that all nine start on a machine of two; of a GPU they reserve nine tenths. Ray counts what is reserved
# and holds nobody to it: a replica that alone has work has the whole core, and more work is met by more replicas.
RESERVED = (  # multiply-adds at most, cores, part of a GPU
    (1_000_000, 0.05, 0.05),
    (500_000_000, 0.15, 0.1),
    (1_000_000_000, 0.2, 0.15),
    (float("inf"), 0.5, 0.25),
)
# The routes take about a millisecond a request (LeNet's requests, above, are hardly more than that), the intake one for
# a 28x28 and hundreds for a photograph (bench/intake.json): whichever is short of cores gets replicas.
CORES = {INGRESS: 0.25, INTAKE: 0.25}

# So many at once keep one core busy: the capacities of bench/serving.json are those of 16 clients. A replica that on
# average has more on its hands makes them wait, and another one is started.
BUSY = 16
# A replica works on one picture while the next is on its way to it, and one more waits beside each.
FEW = 4

# The intake has three or four threads, and one for pictures of the datasets' size that sees 16 together. A photograph
# may hold megabytes while it waits; the routes wait with it and hold nothing else.
INTAKE_ONGOING = 32
# A request is ongoing in the ingress while its upload comes in, which may take `upload_s`, and until its answer has
# left. So the ingress takes many more than it could compute: what waits too long is refused by the service itself, in
# its own words and at once. At 16 times that the proxy refuses, which is for floods.
INGRESS_ONGOING = 1024

GRACE_S = 5.0  # after the deadline of what was accepted last, as `lineup serve` has it
HEALTH_PERIOD_S = 5.0  # a replica whose process ended is seen at once; this is for one that hangs
HEALTH_TIMEOUT_S = 30.0  # long, as a busy node is slow and not ill
UPSCALE_DELAY_S = 5.0  # of more work than replicas: about as long as a new one needs until it answers
DOWNSCALE_DELAY_S = 120.0  # a lull shorter than this costs no replica, as its checkpoints would be loaded again


@dataclass(frozen=True)
class Size:
    """One deployment: what a replica reserves and takes at once, and how many replicas there are.

    `num_gpus` is 0 but for networks where LINEUP_DEVICE is a GPU. `max_queued_requests` is counted by each caller;
    beyond it a caller is refused, not kept waiting.
    """

    num_cpus: float
    num_gpus: float
    min_replicas: int
    max_replicas: int
    target_ongoing_requests: int
    max_ongoing_requests: int
    max_queued_requests: int
    graceful_shutdown_timeout_s: float

    @property
    def threads(self) -> int:
        """Threads for a replica's forward passes: whole cores of those reserved, at least one."""
        return max(1, round(self.num_cpus))


def deployments(settings: Settings) -> tuple[str, ...]:
    """The names of all deployments: ingress, intake, and the networks of the settings. UnknownName for another."""
    return INGRESS, INTAKE, *catalog.choose(split(settings.networks))


def size(name: str, settings: Settings, *, max_replicas: int = MAX_REPLICAS) -> Size:
    """How large one deployment is. ValueError, in one line, for a name or settings that a cluster cannot have."""
    on_gpu = uses_gpu(settings)
    if name == INGRESS:
        ongoing, target = settings.max_connections or INGRESS_ONGOING, 2 * BUSY
    elif name == INTAKE:
        ongoing, target = INTAKE_ONGOING, INTAKE_ONGOING // 4
    else:
        batch = batches.longest(settings, catalog.find(name).macs, "cuda" if on_gpu else "cpu")
        # One batch is computed while the next gathers; a GPU is busy when its batches are full, a core long before.
        ongoing, target = max(FEW, 2 * batch), max(FEW // 2, batch if on_gpu else min(batch, BUSY))
    cores, gpu = (CORES[name], 0.0) if name in CORES else _reserved(catalog.find(name).macs)
    return Size(
        num_cpus=cores,
        num_gpus=gpu if on_gpu else 0.0,
        min_replicas=1,
        max_replicas=max_replicas,
        target_ongoing_requests=min(target, ongoing),
        max_ongoing_requests=ongoing,
        max_queued_requests=16 * ongoing if name == INGRESS else settings.queue_size,
        graceful_shutdown_timeout_s=settings.deadline_s + GRACE_S,
    )


def options(name: str, settings: Settings, *, max_replicas: int = MAX_REPLICAS) -> dict[str, Any]:
    """What `ray.serve.deployment(...)` takes for that deployment, its name too. ValueError as from `size`."""
    of = size(name, settings, max_replicas=max_replicas)
    return {
        "name": name,
        "ray_actor_options": {"num_cpus": of.num_cpus} | ({"num_gpus": of.num_gpus} if of.num_gpus else {}),
        "max_ongoing_requests": of.max_ongoing_requests,
        "max_queued_requests": of.max_queued_requests,
        "autoscaling_config": {
            "min_replicas": of.min_replicas,
            "max_replicas": of.max_replicas,
            "target_ongoing_requests": of.target_ongoing_requests,
            "upscale_delay_s": UPSCALE_DELAY_S,
            "downscale_delay_s": DOWNSCALE_DELAY_S,
        },
        "logging_config": {"enable_access_log": False},  # whoever wants a line for each request has LINEUP_LOG_REQUESTS
        "health_check_period_s": HEALTH_PERIOD_S,
        "health_check_timeout_s": HEALTH_TIMEOUT_S,
        "graceful_shutdown_wait_loop_s": 0.5,
        "graceful_shutdown_timeout_s": of.graceful_shutdown_timeout_s,
    }


def uses_gpu(settings: Settings) -> bool:
    """Whether networks reserve a part of a GPU: where LINEUP_DEVICE is `cuda`. ValueError for one GPU by its number."""
    if settings.device.startswith("cuda:"):
        told = f"LINEUP_DEVICE is {settings.device!r}, but on a cluster Ray chooses the GPU of each replica"
        raise ValueError(f"{told}; use 'cuda', or 'cpu'")
    return settings.device == "cuda"


def _reserved(macs: int) -> tuple[float, float]:
    return next((cores, gpu) for most, cores, gpu in RESERVED if macs <= most)
