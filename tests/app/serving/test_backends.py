"""All that run networks behave as one: compiled, in PyTorch on a CPU and a GPU, recorded as on a GPU, and a fake."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from app.serving import runtimes
from app.serving.backends import Loaded, Runtime
from app.serving.compiled import Compiled
from app.serving.eager import Eager
from app.serving.gpu import Gpu
from app.settings import Settings
from models import checkpoints
from models.checkpoints import CheckpointError
from tests import untrained
from tests.fakes import FakeRuntime
from tests.recording import RecordingDevice

Pictures = NDArray[np.uint8]
CPU = Settings.model_construct(device="cpu")
SMALL = Settings.model_construct(max_batch_size=4)  # of 9 pictures some go in parts
RUNTIMES: dict[str, Callable[[], Runtime]] = {
    "compiled": lambda: Compiled(CPU),
    "eager": lambda: Eager(CPU),
    "recorded": lambda: Gpu(SMALL, "cuda:0", lambda name: RecordingDevice()),
    "recorded in bfloat16": lambda: Gpu(SMALL, "cuda:0", lambda name: RecordingDevice(torch.bfloat16)),
    "cuda": lambda: Gpu(SMALL, "cuda:0"),
    "fake": FakeRuntime,
}


# In bfloat16, which few processors have, ResNet-18 takes a minute.
ALL = [pytest.param(name, marks=[pytest.mark.slow] if "bfloat16" in name else []) for name in RUNTIMES]
REAL = ALL[:-1]  # the fake says what the first byte says, and sees no tensors


@pytest.fixture(scope="module", params=ALL)
def runtime(request: pytest.FixtureRequest) -> Runtime:
    if request.param == "cuda" and not torch.cuda.is_available():
        pytest.skip("no GPU here")
    return RUNTIMES[request.param]()


@pytest.fixture(scope="module", params=["lenet", "resnet18"])
def path(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return untrained.write(tmp_path_factory.mktemp("weights"), request.param)


@pytest.fixture(scope="module")
def loaded(runtime: Runtime, path: Path) -> Loaded:
    return runtime.load(path)


@pytest.fixture(scope="module")
def near(loaded: Loaded) -> float:
    """How far probabilities may be from those that they should be."""
    return 0.02 if "bfloat16" in loaded.form else 2e-5


@pytest.fixture(scope="module")
def pictures() -> Pictures:
    return np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)


def test_a_runtime_says_where_it_runs_and_how_many_at_once(runtime: Runtime) -> None:
    assert runtime.device in ("cpu", "cuda:0")
    assert runtime.streams >= 1


def test_what_is_loaded_tells_what_it_is(loaded: Loaded, path: Path) -> None:
    assert (loaded.architecture, loaded.dataset) == (path.stem, "mnist")
    assert (loaded.temperature, loaded.temperature_sent) == (0.5, 2.0)
    assert loaded.header["digest"] == checkpoints.read_header(path)["digest"]
    assert loaded.header["metrics"]["accuracy"] == 0.5
    assert loaded.form
    assert (loaded.graph is None) == (not loaded.form.startswith("onnxruntime"))


@pytest.mark.parametrize("count", [1, 2, 5, 9])
def test_probabilities_are_a_row_for_each_picture(count: int, loaded: Loaded, pictures: Pictures) -> None:
    given = pictures[:count].copy()
    told = loaded.backend.probabilities(given)
    assert (told.shape, told.dtype) == ((count, 10), np.float32)
    np.testing.assert_allclose(told.sum(axis=1), 1, atol=1e-5)
    assert (told >= 0).all()
    np.testing.assert_array_equal(given, pictures[:count])


def test_a_picture_is_answered_the_same_alone_and_in_any_batch(loaded: Loaded, pictures: Pictures, near: float) -> None:
    as_sent = np.arange(9) % 2 == 0
    together = loaded.backend.probabilities(pictures, as_sent)
    for size in (1, 2, 4):
        for start in range(0, 9, size):
            part = slice(start, start + size)
            told = loaded.backend.probabilities(pictures[part].copy(), as_sent[part].copy())
            np.testing.assert_allclose(told, together[part], atol=near)


def test_each_picture_has_its_flag(loaded: Loaded, pictures: Pictures, near: float) -> None:
    own, sent = (loaded.backend.probabilities(pictures, np.full(9, flag)) for flag in (False, True))
    np.testing.assert_allclose(loaded.backend.probabilities(pictures), own, atol=near / 20)
    assert (sent.max(axis=1) < own.max(axis=1)).all(), "the higher temperature is less sure"
    np.testing.assert_array_equal(sent.argmax(axis=1), own.argmax(axis=1))
    flags = np.arange(9) % 3 == 1
    mixed = loaded.backend.probabilities(pictures, flags)
    np.testing.assert_allclose(mixed, np.where(flags[:, None], sent, own), atol=near)


def test_several_threads_at_once_get_the_answers_of_one(loaded: Loaded, pictures: Pictures, near: float) -> None:
    parts = [pictures[start : start + count].copy() for start in range(4) for count in (1, 3, 5)]
    alone = [loaded.backend.probabilities(part) for part in parts]
    with ThreadPoolExecutor(4) as pool:
        for told, wanted in zip(pool.map(loaded.backend.probabilities, parts), alone, strict=True):
            np.testing.assert_allclose(told, wanted, atol=near)


@pytest.mark.parametrize("runtime", REAL, indirect=True)
def test_answers_are_those_of_the_checkpoint(loaded: Loaded, path: Path, pictures: Pictures, near: float) -> None:
    as_sent = np.arange(9) % 2 == 0
    wanted = checkpoints.load(path).probabilities(torch.from_numpy(pictures), torch.from_numpy(as_sent)).numpy()
    np.testing.assert_allclose(loaded.backend.probabilities(pictures, as_sent), wanted, atol=near)


@pytest.mark.parametrize("what", ["missing", "empty", "junk", "half", "flip", "a folder"])
def test_what_cannot_be_trusted_is_a_checkpoint_error(what: str, runtime: Runtime, path: Path, tmp_path: Path) -> None:
    content, copy = path.read_bytes(), tmp_path / path.name
    flipped = content[:-20] + bytes([content[-20] ^ 255]) + content[-19:]
    damaged = {"empty": b"", "junk": b"junk", "half": content[: len(content) // 2], "flip": flipped}
    if what in damaged:
        copy.write_bytes(damaged[what])
    elif what == "a folder":
        copy.mkdir()
    with pytest.raises(CheckpointError, match=copy.name):
        runtime.load(copy)


@pytest.mark.parametrize("runtime", REAL, indirect=True)
def test_tensors_of_another_network_are_a_checkpoint_error(runtime: Runtime, tmp_path: Path) -> None:
    liar = untrained.classifier("lenet-bn")
    liar.architecture = "lenet"
    checkpoints.save(tmp_path / "lenet.lineup", liar, {})
    with pytest.raises(CheckpointError, match="the network has"):
        runtime.load(tmp_path / "lenet.lineup")


@pytest.mark.parametrize("kind", [Compiled, Eager, Gpu, FakeRuntime])
def test_every_runtime_can_be_asked_the_same(kind: type) -> None:
    for name in ("configure", "load"):
        assert list(signature(getattr(kind, name)).parameters) == list(signature(getattr(Runtime, name)).parameters)


@pytest.mark.parametrize(
    ("backend", "device", "gpu", "kind", "place"),
    [
        ("auto", "auto", False, Compiled, "cpu"),
        ("auto", "auto", True, Gpu, "cuda:0"),
        ("auto", "cpu", True, Compiled, "cpu"),
        ("auto", "cuda", True, Gpu, "cuda:0"),
        ("auto", "cuda:1", True, Gpu, "cuda:1"),
        ("onnxruntime", "auto", False, Compiled, "cpu"),
        ("onnxruntime", "auto", True, Compiled, "cpu"),
        ("onnxruntime", "cpu", True, Compiled, "cpu"),
        ("torch", "auto", False, Eager, "cpu"),
        ("torch", "auto", True, Gpu, "cuda:0"),
        ("torch", "cpu", True, Eager, "cpu"),
        ("torch", "cuda", True, Gpu, "cuda:0"),
    ],
)
def test_the_runtime_is_that_of_the_settings(
    backend: str, device: str, gpu: bool, kind: type, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = 2 if gpu else 0
    monkeypatch.setattr("models.devices.gpus", lambda: there)
    monkeypatch.setattr("models.devices._gpus_of_torch", lambda: there)
    found = runtimes.choose(Settings.model_construct(backend=backend, device=device))
    assert type(found) is kind
    assert found.device == place


@pytest.mark.parametrize(
    ("backend", "device", "told"),
    [
        ("onnxruntime", "cuda", "LINEUP_BACKEND is 'onnxruntime', which runs on the CPU, .*'cuda'; use 'cpu'"),
        ("onnxruntime", "cuda:1", "the device is 'cuda:1'"),
        ("auto", "cuda", "the device is 'cuda', but PyTorch finds no GPU here"),
        ("torch", "cuda:7", "the device is 'cuda:7', but PyTorch finds no GPU here"),
        ("torch", "tpu", "the device is 'tpu'; wanted"),
    ],
)
def test_what_cannot_be_is_told_in_one_line(
    backend: str, device: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.devices.gpus", lambda: 0)
    monkeypatch.setattr("models.devices._gpus_of_torch", lambda: 0)
    with pytest.raises(RuntimeError, match=told) as refused:
        runtimes.choose(Settings.model_construct(backend=backend, device=device))
    assert "\n" not in str(refused.value)


def test_torch_that_is_not_there_is_told_in_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "app.serving.eager", None)
    assert isinstance(runtimes.choose(Settings.model_construct(device="cpu")), Compiled)
    with pytest.raises(RuntimeError, match=r"LINEUP_BACKEND is 'torch'.*pip install -e '\.\[torch\]'") as refused:
        runtimes.choose(Settings.model_construct(backend="torch", device="cpu"))
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("settings", "streams"), [({"threads": 1}, 1), ({"threads": 999}, None), ({}, None)])
def test_as_many_passes_run_at_once_as_there_are_cores(settings: dict[str, Any], streams: int | None) -> None:
    from app.settings import cores

    assert Compiled(Settings.model_construct(**settings)).streams == (streams or cores())
    assert Eager(Settings.model_construct(**settings)).streams == 1
