"""What an ingress knows of networks and intake that are elsewhere: loading, busy, gone, loaded anew."""

import asyncio
import time
from pathlib import Path

import httpx
import pytest

from app.cluster import known, network, parts
from app.cluster.replies import Refused
from app.errors import ApiError
from app.serving.state import State
from tests.app.cluster.conftest import PNG, FakeCluster, a_cluster
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake

pytestmark = pytest.mark.anyio


async def test_a_network_that_will_not_load_leaves_the_others_alone(anyio_backend: str) -> None:
    async with a_cluster() as cluster:
        status = await cluster.networks["vgg11"].replicas[0].status()
        assert status.states["mnist"].state == "ready"
        cluster.engines["vgg11"].now = {key: State("failed", "torn") for key in cluster.engines["vgg11"].now}
        async with serving(cluster.service) as client:
            answer = await client.post("/compare", content=b"\x05", headers=PNG)
            assert [one["model"] for one in answer.json()["results"]] == ["lenet", "resnet18"]
            assert "vgg11" in str(answer.json()["unavailable"])
            refused = await client.post("/predict?model=vgg11", content=b"\x05", headers=PNG)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "model_unavailable")
            assert "torn" in refused.json()["error"]["message"]


async def test_who_starts_knows_the_others_before_the_first_request(cluster: FakeCluster) -> None:
    async with serving(cluster.service, until_ready=False) as client:
        assert (await client.post("/predict?model=lenet", content=b"\x05", headers=PNG)).status_code == 200


async def test_before_anybody_is_heard_of_nothing_is_ready(anyio_backend: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PATIENCE_S", 0.1)
    async with a_cluster() as cluster:
        replicas = cluster.networks["lenet"].replicas
        cluster.networks["lenet"].replicas = []
        async with serving(cluster.service, until_ready=False) as client:
            while (await client.post("/predict?model=vgg11", content=b"\x05", headers=PNG)).status_code != 200:
                await asyncio.sleep(0.01)
            assert (await client.get("/readyz")).status_code == 503
            refused = await client.post("/predict?model=lenet", content=b"\x05", headers=PNG)
            assert (refused.status_code, refused.json()["error"]["code"]) == (503, "not_ready")
            card = (await client.get("/models/lenet")).json()
            assert card["checkpoints"]["mnist"]["state"] == "loading"
            cluster.networks["lenet"].replicas = replicas
            while (await client.get("/readyz")).status_code != 200:
                await asyncio.sleep(0.01)


async def test_of_whom_nobody_has_heard_is_told_as_failed(
    cluster: FakeCluster, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "SILENT_S", -1.0)
    told = (await client.get("/readyz")).json()
    assert {one["state"] for one in [told["auto"], told["gate"], *told["networks"]]} == {"failed"}
    for dataset, told_of in (("mnist", "no replica of it has been heard of"), ("auto", "cannot be decided")):
        refused = await client.post(f"/predict?model=lenet&dataset={dataset}", content=b"\x05", headers=PNG)
        assert refused.status_code == 503
        assert told_of in refused.json()["error"]["message"]
    card = (await client.get("/models/lenet")).json()
    assert {one["state"] for one in card["checkpoints"].values()} == {"failed"}


class Refusing:
    """A replica with too much to do to say where it stands."""

    async def status(self) -> None:
        await asyncio.Event().wait()

    async def submit(self, *asked: object) -> Refused:
        return Refused("queue_full", "too many wait", 1)

    async def see(self, *asked: object) -> Refused:
        return Refused("queue_full", "too many wait", 1)


@pytest.mark.parametrize("where", ["intake", "lenet"])
async def test_who_refuses_is_busy_and_not_gone(cluster: FakeCluster, client: httpx.AsyncClient, where: str) -> None:
    later, handle = 0.0, cluster.intake if where == "intake" else cluster.networks[where]
    known_of = cluster.remote.intake if where == "intake" else cluster.remote.networks.engine
    known_of._now = lambda: time.monotonic() + later
    replicas, handle.replicas = handle.replicas, [Refusing()]
    try:
        for _ in range(3):
            later += 20
            answer = await client.post("/predict?model=lenet", content=b"\x07", headers=PNG)
            assert answer.status_code == 429, answer.text
    finally:
        handle.replicas = replicas


async def test_a_reload_from_a_folder_that_is_gone_says_so(
    cluster: FakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_: FakeEngine) -> Path:
        raise FileNotFoundError("no folder of checkpoints: LINEUP_WEIGHTS or --weights is '/gone'")

    monkeypatch.setattr(FakeEngine, "root", gone)
    monkeypatch.setattr(FakeIntake, "again", lambda self: FakeIntake(), raising=False)
    with pytest.raises(ApiError, match="that were there go on answering; of the new ones no folder of checkpoints"):
        await cluster.service.reload()


async def test_a_reload_reaches_every_replica_or_says_where_it_ended(
    cluster: FakeCluster, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[FakeEngine] = []

    def fresh(settings: object) -> FakeEngine:
        engine = FakeEngine()
        engine.names = ("lenet",)  # type: ignore[assignment]
        engine.now = {key: state for key, state in engine.now.items() if key[1] in ("lenet", "vgg11", "resnet18")}
        engine.named = "1" * 64
        made.append(engine)
        return engine

    monkeypatch.setattr(network, "Engine", fresh)
    monkeypatch.setattr(FakeIntake, "again", lambda self: FakeIntake(), raising=False)
    await cluster.service.reload()
    assert len(made) == 3
    assert cluster.service.engine.digest("mnist", "lenet") == "1" * 64, "who asked is told what answers now"
    answer = await client.post("/predict?model=lenet&dataset=mnist", content=b"\x07", headers=PNG)
    assert answer.headers["lineup-checkpoint"] == "1" * 64
