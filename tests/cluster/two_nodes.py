"""Two nodes of a Ray cluster on this machine, and Lineup on them: ``python -m tests.cluster.two_nodes PORT [LEAST]``.

Each deployment has LEAST replicas, spread over both nodes. Commands come as lines on stdin, and each is answered by a
line of JSON on stdout: `replicas`, `exchange` (all of them), `remove` (the second node, at once), `delete` (the
application); the end of stdin ends everything. A process of its own, as Ray reaches out to find this machine's address.
"""

import json
import sys
from collections.abc import Callable
from typing import Any

import ray
from ray import serve
from ray.cluster_utils import Cluster

from app.cluster import application, sizes

NODE = {"num_cpus": 2, "object_store_memory": 100 * 2**20, "include_dashboard": False}


_usual = sizes.options


def main() -> None:
    """Start, and do as told."""
    port, least = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    cluster = Cluster(initialize_head=True, head_node_args=NODE)
    second = cluster.add_node(**{key: value for key, value in NODE.items() if key != "include_dashboard"})
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
        serve.run(_application(least), name=application.NAME)
        commands: dict[str, Callable[[], Any]] = {
            "replicas": _replicas,
            "exchange": lambda: serve.run(_application(least, memory=2**20), name=application.NAME) and None,
            "remove": lambda: cluster.remove_node(second, allow_graceful=False),
            "delete": lambda: serve.delete(application.NAME),
        }
        _tell("running")
        for line in sys.stdin:
            _tell(commands[line.strip()]())
    finally:
        serve.shutdown()
        ray.shutdown()
        cluster.shutdown()


def _application(least: int, **reserved: float) -> serve.Application:
    usual = _usual

    def options(*arguments: Any, **more: Any) -> dict[str, Any]:
        told = usual(*arguments, **more)
        told["autoscaling_config"] |= {"min_replicas": least, "max_replicas": max(least, 3)}
        told["ray_actor_options"] |= reserved
        told["autoscaling_config"] |= {"upscale_delay_s": 1.0, "downscale_delay_s": 5.0}
        return told

    sizes.options = options
    return application.build({})


def _replicas() -> dict[str, int]:
    """How many replicas of each deployment answer."""
    told = serve.status().applications[application.NAME].deployments
    return {name: one.replica_states.get("RUNNING", 0) for name, one in told.items()}


def _tell(what: Any) -> None:
    print(json.dumps(what), flush=True)


if __name__ == "__main__":
    main()
