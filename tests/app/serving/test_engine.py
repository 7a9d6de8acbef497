"""The engine on real checkpoints, made here from untrained networks: what loads, what does not, and how it answers."""

from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from app.serving.engine import Engine, State
from app.settings import Settings
from models import catalog, checkpoints
from models.compiled import graph
from models.datasets import DATASETS, UnknownName
from tests import untrained
from tests.closed import forbid
from tests.fakes import FakeBackend, FakeEngine, FakeRuntime


def write(root: Path, dataset: str, name: str, *, at: tuple[str, str] | None = None) -> Path:
    return untrained.write(root, name, dataset, at=at)


def engine_of(root: Path, **settings: Any) -> Engine:
    engine = Engine(Settings.model_construct(**{"weights": root, "device": "cpu", "networks": "lenet", **settings}))
    engine.load(engine.root())
    return engine


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Engine:
    root = tmp_path_factory.mktemp("weights")
    write(root, "mnist", "lenet")
    return engine_of(root)


@pytest.fixture
def pictures() -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.random.default_rng(0).integers(0, 256, (6, 28, 28), np.uint8)


def test_what_is_there_is_ready_and_the_rest_is_missing(engine: Engine) -> None:
    states = engine.states()
    assert states["mnist", "lenet"] == State("ready")
    assert states["fashion-mnist", "lenet"].state == "missing"
    told = str(states["fashion-mnist", "lenet"].reason)
    assert "no fashion-mnist/lenet.lineup in the folder" in told
    assert told.endswith("; `lineup train --model lenet --dataset fashion-mnist` makes it")


def test_answers_are_those_of_the_classifier(engine: Engine, pictures: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    answer = engine.predict("mnist", "lenet", pictures)
    assert (answer.shape, answer.dtype) == ((6, 10), np.float32)
    path = checkpoints.path_for("mnist", "lenet", engine.root())
    expected = checkpoints.load(path).probabilities(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(answer, expected, atol=1e-6)
    np.testing.assert_allclose(answer.sum(1), 1, atol=1e-5)


def test_alone_and_in_a_batch_are_the_same(engine: Engine, pictures: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    together = engine.predict("mnist", "lenet", pictures)
    alone = np.concatenate([engine.predict("mnist", "lenet", one[None]) for one in pictures])
    np.testing.assert_allclose(together, alone, atol=2e-6)


def test_a_description_says_what_the_checkpoint_says(engine: Engine) -> None:
    told = engine.describe("lenet")
    assert (told["year"], told["parameters"], told["macs"], told["input_size"]) == (1998, 44_426, 281_640, 28)
    there, missing = told["checkpoints"]["mnist"], told["checkpoints"]["fashion-mnist"]
    assert (there["state"], there["accuracy"], there["n"]) == ("ready", 0.5, 10)
    assert (there["temperature"], there["temperature_sent"]) == (0.5, 2.0)
    assert len(there["digest"]) == len(there["graph"]) == 64
    assert there["form"] == "onnxruntime float32"
    assert (missing["form"], missing["graph"]) == (None, None)
    in_torch = engine_of(engine.root(), backend="torch").describe("lenet")["checkpoints"]["mnist"]
    assert (in_torch["form"], in_torch["graph"], in_torch["digest"]) == ("torch", None, there["digest"])
    assert (missing["state"], missing["accuracy"], missing["digest"]) == ("missing", None, None)


@pytest.mark.parametrize("damage", [b"", b"junk", "half", "flip"])
def test_a_damaged_checkpoint_fails_alone(tmp_path: Path, damage: bytes | str) -> None:
    write(tmp_path, "fashion-mnist", "lenet")
    path = write(tmp_path, "mnist", "lenet")
    content = path.read_bytes()
    flipped = content[:-20] + bytes([content[-20] ^ 255]) + content[-19:]
    path.write_bytes({"half": content[: len(content) // 2], "flip": flipped}.get(str(damage), damage))  # type: ignore[arg-type]
    states = engine_of(tmp_path).states()
    assert states["mnist", "lenet"].state == "failed"
    assert str(tmp_path) not in str(states["mnist", "lenet"].reason)
    assert states["fashion-mnist", "lenet"].state == "ready"


def test_a_folder_that_may_not_be_read_fails_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It ended the loading, and the service said for ever that the rest was still to load."""
    write(tmp_path, "fashion-mnist", "lenet")
    forbid(monkeypatch, write(tmp_path, "mnist", "lenet").parent)
    states = engine_of(tmp_path).states()
    reason = "CheckpointError: cannot read mnist/lenet.lineup: Permission denied"
    assert states == {("mnist", "lenet"): State("failed", reason), ("fashion-mnist", "lenet"): State("ready")}


@pytest.mark.parametrize("backend", ["auto", "torch"])
@pytest.mark.parametrize("metrics", [None, {"accuracy": "0.9"}, {"held_out_accuracy": 0.9, "held_out_n": 10**400}])
def test_figures_that_are_none_fail_their_checkpoint_alone(tmp_path: Path, metrics: Any, backend: str) -> None:
    """They would fail in the answers about all networks else, of a service that calls itself ready."""
    write(tmp_path, "fashion-mnist", "lenet")
    checkpoints.file_format.amend(write(tmp_path, "mnist", "lenet"), {"metrics": metrics})
    engine = engine_of(tmp_path, backend=backend)
    told = engine.describe("lenet")["checkpoints"]
    assert {dataset: told[dataset]["state"] for dataset in told} == {"mnist": "failed", "fashion-mnist": "ready"}
    assert "; wanted " in told["mnist"]["reason"]
    assert engine.weight("fashion-mnist", "lenet") is None


def test_a_checkpoint_in_the_wrong_place_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "fashion-mnist", "lenet", at=("mnist", "lenet"))
    state = engine_of(tmp_path).states()["mnist", "lenet"]
    assert state.state == "failed"
    assert "mnist/lenet.lineup holds lenet for fashion-mnist, not lenet for mnist" in str(state.reason)


@pytest.mark.parametrize("nonsense", [float("nan"), float("inf")])
def test_a_network_that_gives_nonsense_is_refused(
    nonsense: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, "mnist", "lenet")
    monkeypatch.setattr("app.serving.runtimes.choose", lambda settings: FakeRuntime(FakeBackend(nonsense)))
    engine = engine_of(tmp_path)
    state = engine.states()["mnist", "lenet"]
    assert state.state == "failed"
    assert "not finite" in str(state.reason)
    with pytest.raises(KeyError):
        engine.predict("mnist", "lenet", np.zeros((1, 28, 28), np.uint8))


def test_a_network_without_a_skeleton_fails_alone_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    write(tmp_path, "mnist", "lenet")
    write(tmp_path, "mnist", "lenet-bn")
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(tmp_path / "cache"))
    kept = graph.SKELETONS / "lenet-bn.onnx"
    (tmp_path / "skeletons").mkdir()
    (tmp_path / "skeletons" / kept.name).write_bytes(kept.read_bytes())
    monkeypatch.setattr(graph, "SKELETONS", tmp_path / "skeletons")
    engine = engine_of(tmp_path, networks="lenet,lenet-bn")
    states = engine.states()
    assert states["mnist", "lenet-bn"].state == "ready"
    assert states["mnist", "lenet"].state == "failed"
    assert "make skeletons" in str(states["mnist", "lenet"].reason)
    assert "Traceback" not in caplog.text
    assert engine_of(tmp_path, backend="torch").states()["mnist", "lenet"].state == "ready"


def test_networks_are_chosen_by_the_settings() -> None:
    def names(networks: str) -> tuple[str, ...]:
        return Engine(Settings.model_construct(networks=networks, device="cpu")).names

    assert names("") == tuple(catalog.ARCHITECTURES)
    assert names("vgg11, lenet,lenet") == ("lenet", "vgg11")
    assert names("lenet-bn") == ("lenet-bn",)
    with pytest.raises(UnknownName, match="resnet19"):
        names("resnet19")


def test_a_folder_that_is_not_there_is_an_error_that_names_both_places(tmp_path: Path) -> None:
    engine = Engine(Settings.model_construct(weights=tmp_path / "no", device="cpu"))
    with pytest.raises(FileNotFoundError, match=r"LINEUP_WEIGHTS or --weights is '.*no'.*weights"):
        engine.root()


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_a_gpu_that_is_not_there_is_an_error() -> None:
    with pytest.raises(RuntimeError, match="'cuda', but PyTorch finds no GPU"):
        Engine(Settings.model_construct(device="cuda"))


def test_closing_stops_the_loading(tmp_path: Path) -> None:
    engine = Engine(Settings.model_construct(weights=tmp_path, device="cpu", networks="lenet"))
    engine.close()
    engine.load(tmp_path)
    assert {state.state for state in engine.states().values()} == {"loading"}


def test_heavy_networks_run_in_short_batches_in_a_lane_of_their_own() -> None:
    engine = Engine(Settings.model_construct(device="cpu"))
    lanes = {name: engine.lane(name) for name in engine.names}
    assert [name for name, lane in lanes.items() if lane == "heavy"] == ["alexnet", "nin", "vgg11"]
    assert (engine.max_batch("vgg11"), engine.max_batch("lenet")) == (1, 64)
    for name in engine.names:
        assert engine.max_batch(name) * catalog.find(name).macs <= 5e9 or engine.max_batch(name) == 1


def test_a_gpu_gives_the_answers_of_a_cpu(engine: Engine, pictures: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    on_gpu = engine_of(engine.root(), device="cuda")
    np.testing.assert_allclose(
        on_gpu.predict("mnist", "lenet", pictures), engine.predict("mnist", "lenet", pictures), atol=0.02
    )


def test_the_fake_can_be_asked_all_that_the_engine_can() -> None:
    for name, member in vars(Engine).items():
        if not name.startswith("_") and callable(member):
            assert list(signature(member).parameters) == list(signature(getattr(FakeEngine, name)).parameters), name


def test_every_dataset_is_served(engine: Engine) -> None:
    assert engine.datasets is DATASETS


def test_pytorch_is_set_up_once_for_the_whole_process() -> None:
    threads = torch.get_num_threads()
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    try:
        Engine(Settings.model_construct(device="cpu", networks="lenet", threads=1)).configure()
        assert torch.get_num_threads() == threads, "what is compiled does not ask for it"
        Engine(Settings.model_construct(device="cpu", backend="torch", networks="lenet", threads=1)).configure()
        assert torch.get_num_threads() == 1
        assert not torch.backends.cudnn.allow_tf32
        assert not torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.set_num_threads(threads)
