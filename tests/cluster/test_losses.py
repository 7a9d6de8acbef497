"""What becomes of requests when parts of a cluster go: nodes, ingresses, the application itself. Minutes of work."""

import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from app.client import Client
from tests.cluster.conftest import TwoNodes, two_nodes
from tests.cluster.load import HEADERS, digit, load
from tests.counted import counted
from tests.serving import until

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]

PATH = "/predict?model=lenet&dataset=mnist"


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[TwoNodes]:
    with two_nodes(tmp_path, least=2) as it:
        until(lambda: all(count == 2 for count in it.tell("replicas").values()), 200)
        yield it


def test_a_node_that_goes_takes_no_request_with_it(cluster: TwoNodes) -> None:
    """Its replicas of intake and networks are asked for elsewhere; its ingress may hold some, which break."""
    with load(cluster.url, PATH) as told:
        until(lambda: told.total() > 50, 60)
        cluster.tell("remove")
        seen = told.total()
        until(lambda: told.total() > seen + 200, 120)
    lost = told.total() - told.answers[200]
    assert lost <= 4, f"more than the requests in flight in the ingress that went: {told.refusals}"
    assert len(told.labels) == 1


def test_the_client_asks_again_where_an_ingress_was_killed(cluster: TwoNodes) -> None:
    failed: list[Exception] = []
    answered: list[str] = []
    over = threading.Event()

    def ask() -> None:
        with Client(cluster.url, deadline_s=60) as client:
            while not over.is_set():
                try:
                    answered.append(client.predict(digit(), model="lenet", dataset="mnist").label)
                except Exception as error:
                    failed.append(error)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    try:
        until(lambda: len(answered) > 50, 60)
        for _ in range(2):
            killed = cluster.kill("ingress")
            until(lambda gone=killed: gone not in cluster.pids("ingress") and len(cluster.pids("ingress")) == 2, 120)
            seen = len(answered)
            until(lambda before=seen: len(answered) > before + 50, 120)
    finally:
        over.set()
        for thread in threads:
            thread.join(90)
    assert failed == []
    assert len(set(answered)) == 1


def test_more_work_brings_more_replicas_and_less_takes_them_away(tmp_path: Path) -> None:
    with two_nodes(tmp_path) as cluster:
        with load(cluster.url, "/predict?model=resnet18&dataset=mnist", clients=48) as told:
            until(lambda: cluster.tell("replicas")["resnet18"] > 1, 240)
        assert set(told.answers) <= {200, 429, 504}, told.refusals
        until(lambda: cluster.tell("replicas")["resnet18"] == 1, 240)
        answer = httpx.post(cluster.url + PATH, content=digit(), headers=HEADERS, timeout=60)
        assert answer.status_code == 200


def test_replicas_that_are_exchanged_lose_nothing(tmp_path: Path) -> None:
    """`serve deploy` with something changed: others are started, and these drain."""
    with two_nodes(tmp_path, deadline_s=30) as cluster:
        before = {name: set(cluster.pids(name)) for name in ("ingress", "intake", "lenet")}
        with load(cluster.url, PATH, clients=2) as told:
            until(lambda: told.total() > 20, 60)
            cluster.tell("exchange")
            until(lambda: all(not before[name] & set(cluster.pids(name)) for name in before), 300)
            seen = told.total()
            until(lambda: told.total() > seen + 20, 60)
        assert set(told.answers) == {200}, told.refusals


def test_what_a_network_has_is_answered_before_the_application_ends(tmp_path: Path) -> None:
    answers: list[int] = []

    def ask() -> None:
        path = "/predict?model=resnet18&dataset=mnist"
        answers.append(httpx.post(cluster.url + path, content=digit(), headers=HEADERS, timeout=60).status_code)

    def on_their_way() -> int:
        text = httpx.get(f"{cluster.url}/metrics", timeout=60).text
        return round(counted(text, "lineup_step_seconds_count", step="decode"))

    with two_nodes(tmp_path, deadline_s=30) as cluster:
        threads = [threading.Thread(target=ask) for _ in range(24)]
        for thread in threads:
            thread.start()
        until(lambda: on_their_way() == len(threads), 60)
        cluster.tell("delete")
        for thread in threads:
            thread.join(90)
        assert answers == [200] * len(threads)
        assert cluster.status("/healthz") != 200


def test_the_contract_holds(tmp_path: Path) -> None:
    pytest.importorskip("schemathesis")
    from tests.judges.contract import judge

    with two_nodes(tmp_path, networks="lenet,resnet18", deadline_s=30) as cluster:
        told = judge(cluster.url, 500, examples=20)
        assert told["found"] == {}, told["said"]
