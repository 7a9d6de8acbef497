"""Several processes that train a network together get what one gets: seen with real ones, on small data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from models.catalog import ARCHITECTURES
from models.training import recipes
from models.training.run_lock import held
from models.training.shared_norm import share
from models.training.world import ALONE, World, WorldError, joined
from tests.idx import write_dataset

load_file = pytest.importorskip("safetensors.torch", reason="belongs to the extra `torch`").load_file
together = pytest.importorskip("tests.together")

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 7, 107, 128])
@pytest.mark.parametrize("size", [1, 2, 3, 8])
def test_the_parts_of_a_batch_are_all_of_it_and_none_twice(size: int, count: int) -> None:
    parts = [World(rank, size).share(count) for rank in range(size)]
    pictures = torch.arange(count)
    counted = [picture for part, weight in parts if weight for picture in pictures[part].tolist()]
    assert counted == list(range(count))
    assert sum(weight for _, weight in parts) == pytest.approx(size if count else 0)


def test_the_average_of_the_weighted_losses_is_the_mean_of_the_batch() -> None:
    losses = torch.rand(107, dtype=torch.double)
    shares = [World(rank, 8).share(107) for rank in range(8)]
    assert sum(weight * losses[part].mean() for part, weight in shares) / 8 == pytest.approx(losses.mean())


@pytest.mark.parametrize(("size", "fits"), [(1, True), (2, True), (3, False), (128, True), (256, False)])
def test_processes_must_divide_the_batch(size: int, fits: bool) -> None:
    recipe = recipes.choose("lenet", "full")
    if fits:
        World(0, size).check(recipe)
        return
    wanted = (
        f"WORLD_SIZE is {size}, by which a batch of 128 cannot be divided; wanted one of 1, 2, 4, 8, 16, 32, 64, 128$"
    )
    with pytest.raises(WorldError, match=wanted):
        World(0, size).check(recipe)


def test_features_that_one_process_keeps_are_refused_with_what_to_do() -> None:
    recipe = recipes.choose("vgg11", "quick")
    ALONE.check(recipe)
    with pytest.raises(WorldError, match=r"WORLD_SIZE is 2, but .* use --recipe full, or no torchrun"):
        World(0, 2).check(recipe)


def test_without_torchrun_a_process_is_alone_whatever_else_the_environment_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WORLD_SIZE", "4")
    with joined(torch.device("cpu")) as world:
        assert world is ALONE
        assert (world.told("yes"), world.mean(0.5), world.any(True), world.in_turn(lambda: 3)) == ("yes", 0.5, True, 3)


def test_every_batch_norm_of_a_network_is_shared_and_an_evaluated_one_stays_the_same() -> None:
    torch.manual_seed(0)
    network = ARCHITECTURES["densenet"].build().eval()
    pictures = torch.rand(2, 1, 96, 96)
    before, names = network(pictures), list(network.state_dict())
    share(network)
    assert not [module for module in network.modules() if type(module) is nn.BatchNorm2d]
    assert torch.equal(network(pictures), before)
    assert list(network.state_dict()) == names


def torchrun(*command: str, processes: int = 2) -> subprocess.CompletedProcess[str]:
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    of_torch = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": str(ROOT)}
    environment = {**os.environ, **of_torch}
    return subprocess.run([*launcher, *command], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)


def test_two_processes_end_with_the_weights_of_one_interrupted_or_not(tmp_path: Path) -> None:
    done = torchrun("-m", "tests.together", str(tmp_path))
    assert done.returncode == 0, done.stderr[-3000:]
    for name in together.NETWORKS:
        ranks = [load_file(tmp_path / f"{name}.{rank}.safetensors") for rank in range(2)]
        single = together.trainer(name, tmp_path / "alone", ALONE)
        begun = {key: tensor.clone() for key, tensor in single.classifier.network.state_dict().items()}
        for key, wanted in single.run().network.state_dict().items():
            assert torch.equal(ranks[1][key], ranks[0][key])
            if name != "dropout":  # there other units are drawn
                torch.testing.assert_close(ranks[0][key], wanted, rtol=1e-5, atol=1e-6)
            assert not torch.allclose(ranks[0][key].double(), begun[key].double(), atol=1e-4), f"{name}: {key} moved"
        lines = (tmp_path / name / "history.jsonl").read_text().splitlines()
        assert [json.loads(line)["pictures"] for line in lines] == [131, 262], "one process writes"


def test_all_processes_end_together_where_another_run_is_under_way(tmp_path: Path) -> None:
    places = [f"--{name}={tmp_path / name}" for name in ("data-dir", "weights", "runs", "scenes")]
    options = ["--model", "lenet", "--dataset", "mnist", "--threads", "1", "--device", "cpu"]
    with held(tmp_path / "runs/mnist/lenet", ALONE):
        done = torchrun("-m", "models.training.train", *options, *places)
    assert done.returncode == 1
    assert done.stdout.count("error: another run of it is under way") == 1
    assert "models/training" not in done.stderr, "a traceback of ours beside that of torchrun"
    assert not (tmp_path / "data-dir").exists(), "nobody went on to the pictures"


@pytest.mark.slow
def test_the_command_trains_in_two_processes_and_ships_once(tmp_path: Path) -> None:
    write_dataset(tmp_path / "data", "mnist", train=600, test=100)
    places = [f"--{name}={tmp_path / name}" for name in ("weights", "runs", "scenes")]
    options = ["--model", "lenet", "--dataset", "mnist", "--epochs", "2", "--threads", "1", "--device", "cpu"]
    command = ["-m", "models.training.train", *options, f"--data-dir={tmp_path / 'data'}", *places]
    done = torchrun(*command, "--resume")
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("1 threads") == 1, "the first process tells"
    header = json.loads((tmp_path / "weights/mnist/lenet.json").read_text())
    assert header["history"]["pictures"] == [480, 960]
    again = torchrun(*command, "--resume")
    assert again.stdout.count("finished before") == 1
    wrong = torchrun(*command, processes=3)
    assert wrong.returncode != 0
    assert wrong.stdout.count("error: WORLD_SIZE is 3, by which a batch of 128 cannot be divided") == 1
    assert "models/training" not in wrong.stderr, "a traceback of ours beside that of torchrun"
