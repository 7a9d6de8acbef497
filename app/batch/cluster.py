"""A Ray cluster to run on, reached within a bounded time or told in one line why not."""

import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import ray

REACH_S = 10.0  # for a host to take a connection
JOIN_S = 90.0  # for Ray to join a cluster that is there, or to start one on a busy machine
START = "ray start --head"
ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def connected(address: str) -> Iterator[None]:
    """Meanwhile this process is a driver of the cluster at `address`: host:port, "auto", or "local" for one of its own.
    RuntimeError, in one line, where there is none.
    """
    if address not in ("auto", "local"):
        _reach(address)
    _join(address)
    try:
        yield
    finally:
        ray.shutdown()


def _reach(address: str) -> None:
    """Ray itself waits for minutes for a host that does not answer."""
    host, _, port = address.rpartition(":")
    if "/" in address or not host or not port.isdigit():
        raise RuntimeError(f"--ray is {address!r}; it should be host:port as `{START}` tells it, auto, or local")
    try:
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()
    except (OSError, OverflowError) as error:
        raise RuntimeError(f"no Ray cluster at {address} ({error}); start one: {START} --port={port}") from error


def _join(address: str) -> None:
    found: list[BaseException | None] = []

    def join() -> None:
        try:
            ray.init(address, **_options(address))
            found.append(None)
        except BaseException as error:  # Ray raises many kinds, and exits by SystemExit
            found.append(error)

    if address == "local":
        join()  # on this thread: a cluster of one's own ends with the thread that started it
    else:
        joining = threading.Thread(target=join, daemon=True)
        joining.start()
        joining.join(JOIN_S)
    if not found:
        raise RuntimeError(f"what answers at {address} did not let Ray join within {JOIN_S:g} s; start one: {START}")
    if found[0] is not None:
        why = str(found[0]).strip().partition("\n")[0]
        raise RuntimeError(f"no Ray cluster at {address} ({why}); start one: {START}") from found[0]


def _options(address: str) -> dict[str, Any]:
    """Workers find this code, and graphs that are compiled already, where those are at the same place."""
    told = {"PYTHONPATH": os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))}
    # A worker would seek a relative folder in one of its own.
    if cache := os.environ.get("LINEUP_CACHE_DIR"):
        told["LINEUP_CACHE_DIR"] = str(Path(cache).absolute())
    own = {"include_dashboard": False} if address == "local" else {}
    return {"runtime_env": {"env_vars": told}, "log_to_driver": False, "logging_level": "error", **own}
