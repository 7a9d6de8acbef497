"""Lineup on two real nodes: the same answers as one process, and what becomes of requests when replicas die."""

import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cluster.conftest import BROKEN, NETWORKS, TwoNodes, two_nodes, weights
from tests.cluster.load import HEADERS, digit, load
from tests.counted import counted
from tests.served import served
from tests.serving import until

pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cluster")


@pytest.fixture(scope="module")
def cluster(folder: Path) -> Iterator[TwoNodes]:
    with two_nodes(folder) as it:
        yield it


def timeless(told: Any) -> Any:
    """An answer without what differs from one to the next."""
    if isinstance(told, dict):
        return {key: timeless(value) for key, value in told.items() if key not in ("timing_ms", "max_connections")}
    return [timeless(one) for one in told] if isinstance(told, list) else told


ASKED = [
    ("GET", "/healthz", b""),
    ("GET", "/readyz", b""),
    ("GET", "/models", b""),
    ("GET", "/models/resnet18/report?dataset=mnist", b""),
    ("GET", "/models/lenet/stages", b""),
    ("GET", "/datasets", b""),
    ("GET", "/limits", b""),
    ("GET", "/nothing", b""),
    ("POST", "/predict?model=lenet&dataset=mnist", digit()),
    ("POST", "/predict?model=resnet18", digit(2)),
    ("POST", "/predict?model=lenet", b"no picture"),
    ("POST", "/predict?model=lenet", b"%PDF-1.7"),
    ("POST", "/predict?model=lenet&top_k=11", digit()),
    ("POST", f"/predict?model={BROKEN}&dataset=mnist", digit()),
    ("POST", "/compare?dataset=mnist", digit()),
    ("POST", "/compare?dataset=fashion-mnist", digit()),
    ("POST", "/prepare?dataset=mnist", digit()),
    ("POST", "/features?model=lenet&stage=conv&dataset=mnist", digit()),
]


def test_answers_are_those_of_one_process(cluster: TwoNodes, folder: Path, tmp_path: Path) -> None:
    with served(tmp_path, networks=",".join(NETWORKS), weights=weights(folder)) as one:
        until(lambda: one.status("/readyz") == 200, 120)
        for method, path, data in ASKED:
            here, there = (
                httpx.request(method, url + path, content=data, headers=HEADERS if data else {}, timeout=60)
                for url in (f"http://127.0.0.1:{one.port}", cluster.url)
            )
            assert there.status_code == here.status_code, (path, there.text)
            if here.headers["content-type"] == "application/json":
                assert timeless(there.json()) == timeless(here.json()), path
            else:
                assert there.content == here.content, path
            missing = {name for name in here.headers if name not in there.headers}
            assert not missing - {"server-timing"}, path


def test_an_answer_comes_line_by_line(cluster: TwoNodes) -> None:
    headers = {**HEADERS, "accept": "application/x-ndjson"}
    with httpx.stream("POST", f"{cluster.url}/compare", content=digit(), headers=headers, timeout=60) as answer:
        lines = list(answer.iter_lines())
    assert len(lines) == 1 + len(NETWORKS) + 1


@pytest.mark.parametrize(("chunks", "status"), [(1, 200), (1000, 413)])
def test_limits_hold_on_what_streams_in(cluster: TwoNodes, chunks: int, status: int) -> None:
    parts = (b"\0" * 65536 for _ in range(chunks - 1))
    body = (part for parts_of in ([digit()], parts) for part in parts_of)
    answer = httpx.post(f"{cluster.url}/predict?model=lenet", content=body, headers=HEADERS, timeout=60)
    assert answer.status_code == status


def computed(cluster: TwoNodes, model: str) -> float:
    return counted(httpx.get(f"{cluster.url}/metrics", timeout=60).text, "lineup_batch_size_sum", model=model)


def waiting(cluster: TwoNodes, model: str) -> float:
    return counted(httpx.get(f"{cluster.url}/metrics", timeout=60).text, "lineup_queue_length", model=model)


def test_who_vanishes_is_not_computed_for(cluster: TwoNodes) -> None:
    """Ray ends the request in the ingress, and that ends what waits in the network's replica."""
    body, before, gone = digit(), computed(cluster, BROKEN), 64
    head = f"POST /predict?model={BROKEN}&dataset=fashion-mnist HTTP/1.1\r\nHost: here\r\n"
    head += f"Content-Type: image/png\r\nContent-Length: {len(body)}\r\n\r\n"
    where = httpx.URL(cluster.url)
    connections = [socket.create_connection((where.host, where.port or 0)) for _ in range(gone)]
    for connection in connections:
        connection.sendall(head.encode() + body)
    for connection in connections:
        connection.close()
    until(lambda: waiting(cluster, BROKEN) == 0, 60)
    time.sleep(2)
    assert computed(cluster, BROKEN) - before < gone


@pytest.mark.parametrize("deployment", ["lenet", "intake"])
def test_what_a_killed_replica_had_is_answered_by_another(cluster: TwoNodes, deployment: str) -> None:
    with load(cluster.url, "/predict?model=lenet&dataset=mnist&prepare=raw") as told:
        until(lambda: told.total() > 20, 60)
        killed = cluster.kill(deployment)
        until(lambda: (pids := cluster.pids(deployment)) != [] and killed not in pids, 120)
        seen = told.total()
        until(lambda: told.total() > seen + 20, 120)
    assert set(told.answers) <= {200, 504}, told.refusals
    assert told.answers[504] <= 4, "one of each client at most, where starting another took longer than the deadline"
    assert len(told.labels) == 1, "and none wrongly"
