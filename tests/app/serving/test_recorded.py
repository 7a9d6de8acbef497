"""Networks that are recorded and replayed, as on a GPU, on a stand-in for one."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app.serving.clock import Clock
from app.serving.engine import Engine
from app.serving.gpu import Gpu, compute_in
from app.serving.metrics import Metrics
from app.serving.networks import Networks
from app.serving.recorded import Recorded, sizes
from app.settings import Settings
from models import catalog
from tests import untrained
from tests.recording import RecordingDevice

Pictures = NDArray[np.uint8]


@pytest.fixture
def pictures() -> Pictures:
    return np.random.default_rng(1).integers(0, 256, (9, 28, 28), np.uint8)


def recorded(device: RecordingDevice, limit: int = 8, name: str = "lenet") -> Recorded:
    found = untrained.classifier(name).requires_grad_(False)
    compute_in(found, device.dtype)
    return Recorded(found, device, ThreadPoolExecutor(1), limit)


def eager(pictures: Pictures, name: str = "lenet") -> NDArray[Any]:
    told: NDArray[Any] = untrained.classifier(name).probabilities(torch.from_numpy(pictures)).numpy()
    return told


@pytest.mark.parametrize(
    ("limit", "recorded"), [(1, [1]), (2, [2, 1]), (64, [64, 32, 16, 8, 4, 2, 1]), (100, [100, 50, 25, 12, 6, 3, 1])]
)
def test_sizes_are_halves_of_the_largest(limit: int, recorded: list[int]) -> None:
    assert sizes(limit) == recorded
    for count in range(1, limit + 1):
        assert min(size for size in recorded if size >= count) <= 2 * count + 1


@pytest.mark.parametrize(("count", "passes"), [(1, [1]), (2, [2]), (3, [4]), (4, [4]), (5, [8]), (8, [8]), (9, [8, 1])])
def test_a_batch_is_padded_to_the_next_size_and_a_larger_one_is_cut(
    count: int, passes: list[int], pictures: Pictures
) -> None:
    device = RecordingDevice()
    backend = recorded(device)
    np.testing.assert_allclose(backend.probabilities(pictures[:count]), eager(pictures[:count]), atol=1e-6)
    assert device.replayed == passes


def test_what_stood_in_the_buffers_before_changes_no_answer(pictures: Pictures) -> None:
    backend = recorded(RecordingDevice())
    flags = np.ones(8, np.bool_)
    backend.probabilities(pictures[:8], flags)
    np.testing.assert_allclose(backend.probabilities(pictures[8:]), eager(pictures[8:]), atol=1e-6)
    np.testing.assert_allclose(backend.probabilities(pictures[:3]), eager(pictures[:3]), atol=1e-6)


@pytest.mark.parametrize("name", catalog.ARCHITECTURES)
def test_in_bfloat16_the_last_layer_computes_in_float32(name: str, pictures: Pictures) -> None:
    found = untrained.classifier(name).requires_grad_(False)
    compute_in(found, torch.bfloat16)
    logits = found(torch.from_numpy(pictures[:2]))
    assert not torch.equal(logits, logits.bfloat16().float()), "finer than bfloat16 tells"
    kinds = {str(parameter.dtype) for parameter in found.network.parameters()}
    assert kinds == {"torch.bfloat16", "torch.float32"}


@pytest.mark.parametrize("name", ["lenet", "resnet18"])
def test_in_bfloat16_answers_are_about_those_of_float32(name: str, pictures: Pictures) -> None:
    told = recorded(RecordingDevice(torch.bfloat16), 2, name).probabilities(pictures[:4])
    assert told.dtype == np.float32
    np.testing.assert_allclose(told.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(told, eager(pictures[:4], name), atol=0.02)
    assert (told != eager(pictures[:4], name)).any(), "in float32 after all"


def test_where_memory_ends_while_recording_half_as_many_go_at_once(
    pictures: Pictures, caplog: pytest.LogCaptureFixture
) -> None:
    device = RecordingDevice(full_when_recording=2)
    backend = recorded(device)
    assert backend.limit == 2
    assert "lenet for mnist: no memory for a batch of 4: at most 2 from now on" in caplog.text
    np.testing.assert_allclose(backend.probabilities(pictures), eager(pictures), atol=1e-6)
    assert device.replayed == [2, 2, 2, 2, 1]
    assert device.released == 2


def test_where_memory_ends_while_serving_half_as_many_go_at_once_and_nothing_is_lost(pictures: Pictures) -> None:
    device = RecordingDevice()
    backend = recorded(device)
    device.full_when_launching = 1
    np.testing.assert_allclose(backend.probabilities(pictures), eager(pictures), atol=1e-6)
    assert (backend.limit, device.replayed) == (4, [4, 4, 1])


def test_where_there_is_no_memory_for_one_picture_it_is_told() -> None:
    with pytest.raises(torch.OutOfMemoryError):
        recorded(RecordingDevice(full_when_recording=9))


def test_another_error_halves_nothing(pictures: Pictures, monkeypatch: pytest.MonkeyPatch) -> None:
    device = RecordingDevice()
    backend = recorded(device)

    def fails(work: object) -> None:
        raise RuntimeError("an illegal memory access was encountered")

    with monkeypatch.context() as patched:
        patched.setattr(device, "launch", fails)
        with pytest.raises(RuntimeError, match="illegal memory access"):
            backend.probabilities(pictures)
    assert backend.limit == 8
    np.testing.assert_allclose(backend.probabilities(pictures), eager(pictures), atol=1e-6)


class Streams:
    """Makes the streams of a runtime, and keeps them."""

    def __init__(self, **options: Any) -> None:
        self.made: list[RecordingDevice] = []
        self._options = options

    def __call__(self, name: str) -> RecordingDevice:
        self.made.append(RecordingDevice(**self._options))
        return self.made[-1]


@pytest.fixture
def streams() -> Streams:
    return Streams()


@pytest.fixture
def engine(tmp_path: Path, streams: Streams, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """Two networks on a GPU that is none."""
    for name in ("lenet", "lenet-bn"):
        untrained.write(tmp_path, name)
    monkeypatch.setattr("app.serving.runtimes.choose", lambda settings: Gpu(settings, "cuda:0", streams))
    engine = Engine(Settings.model_construct(weights=tmp_path, networks="lenet,lenet-bn", max_batch_size=4))
    engine.load(tmp_path)
    return engine


def test_an_engine_warms_what_was_recorded_and_tells_in_what_it_computes(engine: Engine, streams: Streams) -> None:
    assert [state.state for (dataset, _), state in engine.states().items() if dataset == "mnist"] == ["ready"] * 2
    assert engine.describe("lenet")["checkpoints"]["mnist"]["form"] == "torch float32, recorded"
    assert [sorted(stream.replayed) for stream in streams.made] == [[1, 4], [1, 4]]
    assert {stream.threads == streams.made[0].threads for stream in streams.made} == {True}


def test_networks_that_are_compared_run_at_once_though_one_thread_launches_them(
    engine: Engine, streams: Streams, pictures: Pictures
) -> None:
    meeting = threading.Barrier(2)  # broken after a while, if one network is waited for before the other is launched
    for stream in streams.made:
        stream.at_wait = lambda: meeting.wait(30)

    async def compare() -> list[NDArray[np.float32]]:
        networks = Networks(engine, Settings.model_construct(), Metrics())
        asked = [networks.submit("mnist", name, (pictures[0], False), Clock.starting(60)) for name in engine.names]
        told = await asyncio.gather(*asked)
        await networks.close()
        return [done.value.probabilities for done in told]

    told = asyncio.run(compare())
    for name, row in zip(engine.names, told, strict=True):
        np.testing.assert_allclose(row, eager(pictures[:1], name)[0], atol=1e-6)
    assert not meeting.broken
    assert len(set.union(*(stream.threads for stream in streams.made))) == 1
