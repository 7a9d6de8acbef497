"""How many machines and replicas there are where nobody says another number. It imports nothing: --help is quick."""

from dataclasses import dataclass

# Of how many replicas a deployment has at most: whoever has the nodes raises it.
MAX_REPLICAS = 8
GPU_IMAGE = "lineup:ray-gpu"  # in place of the other, which has no PyTorch


@dataclass(frozen=True)
class Pods:
    """The pods on Kubernetes: `image` for all, `workers` to `max_workers` of `cpus` cores and `memory_gib` each, and
    the Secret that holds the keys under `api-key` and `admin-key`.
    """

    image: str = "lineup:ray"
    workers: int = 2
    max_workers: int = 8
    cpus: int = 4
    memory_gib: int = 8
    secret: str = "lineup-keys"
