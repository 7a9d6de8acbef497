"""Feature maps behind the service: which graphs are kept, deadlines, and what a reload lets go."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import ApiError
from app.serving.engine import Engine
from app.serving.features import KEPT, Features, Graphs, open_graph
from app.serving.service import Service
from app.serving.shown import Shown
from app.serving.state import State
from app.settings import Settings
from models.compiled import stages
from models.compiled.stages import Table
from models.intake.pipeline import Seen
from tests import untrained
from tests.fakes import FakeEngine, FakeIntake, fake_service

pytestmark = pytest.mark.anyio

NETWORKS = ["lenet", "alexnet", "nin", "vgg11", "googlenet", "resnet18", "densenet"]


class FakeMaps:
    """Gives the picture's first pixel everywhere, once `gate` is open."""

    def __init__(self, table: Table, gate: threading.Event) -> None:
        self.table, self.gate = table, gate

    def of(self, pictures: NDArray[np.uint8], part: str) -> NDArray[np.float32]:
        assert self.gate.wait(30)
        found = self.table.find(part)
        assert found is not None
        return np.full((len(pictures), *found.shape), pictures[0, 0, 0], np.float32)


class Opening:
    """Notes what is opened: dataset, network and digest."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.asked: list[tuple[str, str, str]] = []
        self.begun = threading.Event()

    def __call__(self, engine: Any, dataset: str, model: str, digest: str, table: Table) -> Any:
        self.asked.append((dataset, model, digest))
        self.begun.set()
        return FakeMaps(table, self.gate)


@pytest.fixture
def opening() -> Opening:
    return Opening()


@pytest.fixture
def fresh() -> FakeEngine:
    """What answers after a reload."""
    engine = FakeEngine()
    engine.named = "1" * 64
    return engine


@pytest.fixture
async def service(opening: Opening, fresh: FakeEngine, anyio_backend: str) -> AsyncIterator[Service]:
    made = fake_service(fresh=(fresh, FakeIntake()))
    made.parts.features = Features(made.networks, opening)
    await made.start()
    while not made.ready():
        await asyncio.sleep(0.01)
    yield made
    opening.gate.set()
    await made.close()


def seen(value: int = 7, dataset: str = "mnist") -> Seen:
    return FakeIntake().see(bytes([value]), dataset, 10**6)


async def show(service: Service, model: str, stage: str, seconds: float = 30, value: int = 7) -> Shown:
    return await service.features.show(model, stage, seen(value), 1, "each", service.clock(seconds))


async def test_a_graph_is_opened_once_and_asked_again(service: Service, opening: Opening) -> None:
    first, second = await asyncio.gather(show(service, "lenet", "conv"), show(service, "lenet", "fc", value=9))
    assert (first.shape, first.channels[0].mean) == ((16, 4, 4), 7)
    assert (second.shape, second.channels[9].mean) == ((10,), 9)
    assert opening.asked == [("mnist", "lenet", "0" * 64)]


def test_of_many_graphs_those_stay_that_were_asked_for_last(opening: Opening) -> None:
    graphs, engine = Graphs(opening), FakeEngine()

    def get(model: str) -> None:
        graphs.get(engine, "mnist", model, stages.load(model))  # type: ignore[arg-type]

    for model in NETWORKS[:KEPT]:
        get(model)
    get(NETWORKS[0])  # so that the second is the one that goes
    get(NETWORKS[KEPT])
    opening.asked.clear()
    for model in (NETWORKS[0], *NETWORKS[2 : KEPT + 1]):
        get(model)
    assert not opening.asked
    get(NETWORKS[1])
    assert [model for _, model, _ in opening.asked] == [NETWORKS[1]]


async def test_a_late_one_is_told_at_its_deadline_and_what_was_opened_stays(service: Service, opening: Opening) -> None:
    opening.gate.clear()
    with pytest.raises(ApiError, match=r"no answer within 0\.05 s") as told:
        await show(service, "lenet", "conv", 0.05)
    assert told.value.code == "deadline_exceeded"
    opening.gate.set()
    await show(service, "lenet", "conv")
    assert len(opening.asked) == 1


async def test_nothing_is_computed_for_who_has_gone_before_it_was_their_turn(
    service: Service, opening: Opening
) -> None:
    opening.gate.clear()
    first = asyncio.create_task(show(service, "lenet", "conv"))
    while not opening.begun.is_set():
        await asyncio.sleep(0.001)
    second = asyncio.create_task(show(service, "resnet18", "conv3"))
    while len(service.features) < 2:
        await asyncio.sleep(0.001)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    opening.gate.set()
    await first
    await show(service, "vgg11", "conv")
    assert [model for _, model, _ in opening.asked] == ["lenet", "vgg11"]


async def test_predictions_do_not_wait_for_it(service: Service, opening: Opening) -> None:
    opening.gate.clear()
    slow = asyncio.create_task(show(service, "lenet", "conv"))
    while not opening.begun.is_set():
        await asyncio.sleep(0.001)
    answer = await service.ask("lenet", seen(3), 1, service.clock())
    assert (answer.prediction.label, slow.done()) == ("3", False)
    opening.gate.set()
    await slow


async def test_after_a_reload_the_graph_is_of_what_answers_now(service: Service, opening: Opening) -> None:
    assert (await show(service, "lenet", "conv")).digest == "0" * 64
    await service.reload()
    assert (await show(service, "lenet", "conv")).digest == "1" * 64
    assert [digest[0] for _, _, digest in opening.asked] == ["0", "1"]


async def test_a_network_that_cannot_answer_shows_nothing(service: Service, opening: Opening) -> None:
    service.engine.now["mnist", "lenet"] = State("missing", "there is no file")  # type: ignore[attr-defined]
    with pytest.raises(ApiError, match="lenet for mnist is missing"):
        await show(service, "lenet", "conv")
    assert not opening.asked


async def test_a_closed_service_says_so(service: Service) -> None:
    await service.features.close()
    with pytest.raises(ApiError, match="shutting down"):
        await show(service, "lenet", "conv")


def test_of_a_file_that_was_exchanged_there_is_what_the_cache_has_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(tmp_path / "cache"))
    root, table = tmp_path / "weights", stages.load("lenet")
    path = untrained.write(root, "lenet")
    engine = Engine(Settings.model_construct(weights=root, device="cpu", networks="lenet"))
    engine.load(root)
    digest = engine.digest("mnist", "lenet")
    content = path.read_bytes()
    path.unlink()
    with pytest.raises(ApiError, match="no feature maps of lenet for mnist: its file cannot be read") as told:
        open_graph(engine, "mnist", "lenet", digest, table)
    assert (told.value.code, str(tmp_path) in told.value.message) == ("model_unavailable", False)
    path.write_bytes(content)
    before = open_graph(engine, "mnist", "lenet", digest, table)
    untrained.write(root, "lenet", "fashion-mnist", at=("mnist", "lenet"))
    again = open_graph(engine, "mnist", "lenet", digest, table)
    picture = np.full((1, 28, 28), 90, np.uint8)
    assert (again.of(picture, "conv") == before.of(picture, "conv")).all()
    for kept in (tmp_path / "cache").iterdir():
        kept.unlink()
    with pytest.raises(ApiError, match="its file has been exchanged since it was loaded"):
        open_graph(engine, "mnist", "lenet", digest, table)
