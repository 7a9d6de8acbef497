"""The options of `lineup deploy`, without what prints the files: --help is quick."""

import argparse

from app.cluster.nodes import GPU_IMAGE, MAX_REPLICAS, Pods
from models.arguments import whole


def add_to(command: argparse.ArgumentParser) -> None:
    """The options of `lineup deploy`."""
    pods = Pods()
    command.add_argument(
        "--print", dest="kind", required=True, metavar="KIND", help="serve (a Serve configuration) or kuberay"
    )
    command.add_argument(
        "--max-replicas",
        type=whole(1),
        default=MAX_REPLICAS,
        metavar="N",
        help="replicas that each deployment may have under load (default: %(default)s)",
    )
    command.add_argument("--host", help="serve: address of the proxies (default: LINEUP_HOST, else 127.0.0.1)")
    command.add_argument("--port", type=int, help="serve: port of the proxies (default: LINEUP_PORT, else 8000)")
    told = f"kuberay: image of all pods (default: {pods.image}, or {GPU_IMAGE} where networks run on PyTorch)"
    command.add_argument("--image", help=told)
    command.add_argument(
        "--max-workers",
        type=whole(1),
        metavar="N",
        help=f"kuberay: pods that there may be under load (default: {pods.max_workers}, or --workers if that is more)",
    )
    for option, default, told in (
        ("--workers", pods.workers, "pods that are always there"),
        ("--cpus", pods.cpus, "cores of each of them"),
        ("--memory", pods.memory_gib, "GiB of memory of each of them"),
    ):
        told = f"kuberay: {told} (default: %(default)s)"
        command.add_argument(option, type=whole(1), default=default, metavar="N", help=told)
    command.add_argument(
        "--secret", default=pods.secret, metavar="NAME", help="kuberay: Secret with the keys (default: %(default)s)"
    )
