"""Checkpoints are exchanged under load: nothing is lost, and a bad folder changes nothing."""

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.serving import local
from app.serving.state import State
from app.settings import Settings
from models.checkpoints import SUFFIX
from tests.app.conftest import serving
from tests.fakes import FakeEngine, FakeIntake, fake_service
from tests.shipped import WEIGHTS

pytestmark = pytest.mark.anyio

KEY = {"Authorization": "Bearer open sesame"}
LENET = ("mnist", "lenet")
HEADER = "Lineup-Checkpoint"


@pytest.fixture
def fresh() -> tuple[FakeEngine, FakeIntake]:
    engine = FakeEngine()
    engine.named = "f" * 64
    return engine, FakeIntake()


@pytest.fixture
async def client(
    engine: FakeEngine, fresh: tuple[FakeEngine, FakeIntake], anyio_backend: str
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving(fake_service(engine, fresh=fresh, admin_key=SecretStr("open sesame"))) as it:
        yield it


async def digest(client: httpx.AsyncClient, route: str = "/predict?model=lenet") -> str:
    return (await client.post(route, content=b"\x07")).headers[HEADER]


@pytest.mark.parametrize("route", ["/predict?model=lenet", "/read?model=lenet"])
async def test_every_answer_names_its_checkpoint_before_and_after(client: httpx.AsyncClient, route: str) -> None:
    assert await digest(client, route) == "0" * 64
    answer = await client.post("/admin/reload", headers=KEY)
    assert (answer.status_code, [model["name"] for model in answer.json()["models"]]) == (200, list(FakeEngine.names))
    assert await digest(client, route) == "f" * 64


async def test_compare_and_batch_name_the_checkpoints_of_all_answers(client: httpx.AsyncClient) -> None:
    assert await digest(client, "/compare") == ", ".join(f"{name}={'0' * 64}" for name in FakeEngine.names)
    files = [("files", (f"{n}.png", b"\x07", "image/png")) for n in range(3)]
    assert (await client.post("/predict/batch", files=files)).headers[HEADER] == "0" * 64
    lines = await client.post("/compare", content=b"\x07", headers={"Accept": "application/x-ndjson"})
    assert HEADER not in lines.headers  # it is sent before the answers


async def test_what_is_at_work_is_answered_by_the_old_and_what_comes_after_by_the_new(
    client: httpx.AsyncClient, engine: FakeEngine, fresh: tuple[FakeEngine, FakeIntake]
) -> None:
    engine.gate.clear()
    old = asyncio.create_task(client.post("/predict?model=lenet", content=b"\x01"))
    assert await asyncio.to_thread(engine.busy.wait, 30)
    waits = asyncio.create_task(client.post("/predict?model=lenet", content=b"\x02"))
    assert (await client.post("/admin/reload", headers=KEY)).status_code == 200
    engine.gate.set()
    answers = [await old, await waits]
    assert [answer.json()["label"] for answer in answers] == ["1", "2"]
    assert [answer.headers[HEADER][0] for answer in answers] == ["0", "f"]
    assert fresh[1].seen == []
    assert await digest(client) == "f" * 64
    assert fresh[1].seen == [b"\x07"]


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda engine, _: engine.then.update({LENET: State("failed", "damaged")}), "lenet for mnist is failed"),
        (lambda engine, _: engine.then.update({LENET: State("missing", "gone")}), "lenet for mnist is missing: gone"),
        (lambda engine, _: engine.then.clear(), "is loading"),
        (lambda _, intake: intake.states.update(auto=State("failed", "odd")), "auto is failed: odd"),
        (lambda _, intake: intake.states.update(gate=State("missing", "gone")), "gate is missing: gone"),
    ],
)  # fmt: skip
async def test_what_is_worse_than_what_is_there_changes_nothing_and_says_why(
    client: httpx.AsyncClient, fresh: tuple[FakeEngine, FakeIntake], spoil: Any, told: str
) -> None:
    spoil(*fresh)
    answer = await client.post("/admin/reload", headers=KEY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert told in answer.json()["error"]["message"]
    assert await digest(client) == "0" * 64
    assert (await client.get("/readyz")).status_code == 200


async def test_where_the_folder_is_gone_the_old_ones_go_on(
    client: httpx.AsyncClient, engine: FakeEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> Path:
        raise FileNotFoundError("no folder of checkpoints: LINEUP_WEIGHTS or --weights is '/gone'")

    monkeypatch.setattr(engine, "root", gone)
    answer = await client.post("/admin/reload", headers=KEY)
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "model_unavailable")
    assert (
        "go on answering; of the new ones no folder of checkpoints: LINEUP_WEIGHTS" in answer.json()["error"]["message"]
    )
    assert await digest(client) == "0" * 64


async def test_a_network_that_had_failed_is_tried_again_with_its_new_checkpoint(
    client: httpx.AsyncClient, engine: FakeEngine
) -> None:
    engine.failing.add("lenet")
    statuses = [(await client.post("/predict?model=lenet", content=b"\x01")).status_code for _ in range(7)]
    assert statuses == [500] * 5 + [503] * 2
    await client.post("/admin/reload", headers=KEY)
    assert (await client.post("/predict?model=lenet", content=b"\x01")).status_code == 200


async def test_it_is_the_administrators_alone(client: httpx.AsyncClient) -> None:
    assert (await client.post("/admin/reload")).status_code == 401
    async with serving(fake_service()) as unset:
        assert (await unset.post("/admin/reload", headers=KEY)).status_code == 404


async def test_while_the_first_are_loading_nothing_is_exchanged(engine: FakeEngine) -> None:
    engine.load_gate.clear()
    async with serving(fake_service(engine, admin_key=SecretStr("open sesame")), until_ready=False) as client:
        assert (await client.post("/admin/reload", headers=KEY)).json()["error"]["code"] == "not_ready"
        engine.load_gate.set()


async def test_the_end_of_the_service_ends_a_loading_that_goes_on(
    engine: FakeEngine, fresh: tuple[FakeEngine, FakeIntake]
) -> None:
    fresh[0].load_gate.clear()
    service = fake_service(engine, fresh=fresh)
    async with serving(service):
        reloading = asyncio.create_task(service.reload())
        while service.parts._incoming is None:
            await asyncio.sleep(0.001)
        assert not fresh[0].load_gate.is_set()
    await asyncio.wait_for(asyncio.gather(reloading, return_exceptions=True), 30)
    assert fresh[0].load_gate.is_set(), "who loads was closed, and did not wait in vain"


async def test_a_reload_that_waits_for_another_is_not_begun_once_the_service_ends(
    engine: FakeEngine, fresh: tuple[FakeEngine, FakeIntake]
) -> None:
    made: list[FakeEngine] = []
    service = fake_service(engine)
    service.parts._fresh = lambda: made.append(fresh[0]) or fresh  # type: ignore[assignment, func-returns-value, return-value]
    fresh[0].load_gate.clear()
    async with serving(service):
        reloading = [asyncio.create_task(service.reload()) for _ in range(2)]
        while service.parts._incoming is None:
            await asyncio.sleep(0.001)
    assert len(await asyncio.wait_for(asyncio.gather(*reloading, return_exceptions=True), 30)) == 2
    assert len(made) == 1


async def test_real_checkpoints_are_exchanged_and_a_damaged_one_is_not(tmp_path: Path) -> None:
    for dataset in ("mnist", "fashion-mnist"):
        (tmp_path / dataset).mkdir()
        for suffix in (SUFFIX, ".forms.json"):
            shutil.copy(WEIGHTS / dataset / f"lenet{suffix}", tmp_path / dataset)
    for name in ("auto", "gate"):
        shutil.copy(WEIGHTS / f"{name}{SUFFIX}", tmp_path)
    settings = Settings(weights=tmp_path, networks="lenet", device="cpu", admin_key=SecretStr("open sesame"))
    service = local.service(settings)
    async with serving(service) as client:
        engine, intake = service.engine, service.intake
        assert (await client.post("/admin/reload", headers=KEY)).status_code == 200
        assert service.engine is not engine
        assert service.opening.intake is service.intake is not intake
        whole = (tmp_path / "mnist" / f"lenet{SUFFIX}").read_bytes()
        (tmp_path / "mnist" / f"lenet{SUFFIX}").write_bytes(whole[:-9])
        answer = await client.post("/admin/reload", headers=KEY)
        assert answer.status_code == 503
        assert "lenet for mnist is failed: CheckpointError" in answer.json()["error"]["message"]
        assert str(tmp_path) not in answer.text
        assert (await client.post("/predict?model=lenet&dataset=mnist", content=b"{}")).status_code == 415
        assert (await client.get("/readyz")).status_code == 200
