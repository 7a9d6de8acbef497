"""Lineup on a Ray cluster of this machine alone, for `bench.cluster`: ``python -m bench.ray_server PORT [--ha-proxy]``.

Ends with SIGTERM, and the cluster with it: its processes are descendants of this one.
"""

from __future__ import annotations

import argparse
import os
import signal
import threading
from collections.abc import Sequence

from app.settings import cores
from models.arguments import whole

OBJECTS_BYTES = 300_000_000  # pictures of 28x28 need no more


def main(argv: Sequence[str] | None = None) -> int:
    """Start Ray and the application, and wait to be told to end."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("port", type=whole(1, 65535), help="port to answer at")
    parser.add_argument("--ha-proxy", action="store_true", help="HAProxy in place of Ray's proxy in Python")
    options = parser.parse_args(argv)
    ended = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: ended.set())
    os.environ["RAY_SERVE_ENABLE_HA_PROXY"] = str(int(options.ha_proxy))  # read when Ray Serve is imported
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_worker_niceness", "0")  # as `lineup serve` runs; Ray's own is 15
    _serve(options.port)
    ended.wait()
    _end()
    return 0


def _serve(port: int) -> None:
    import ray
    from ray import serve

    from app.cluster.application import build

    # Nine deployments reserve 1.9 cores; with no more than there are, none is scaled up while it is measured.
    ray.init(num_cpus=max(2, cores()), object_store_memory=OBJECTS_BYTES, include_dashboard=False, log_to_driver=False)
    serve.start(proxy_location="HeadOnly", http_options={"host": "127.0.0.1", "port": port})
    serve.run(build({}), name="lineup", route_prefix="/", blocking=False)


def _end() -> None:
    import ray
    from ray import serve

    serve.shutdown()
    ray.shutdown()


if __name__ == "__main__":
    raise SystemExit(main())
