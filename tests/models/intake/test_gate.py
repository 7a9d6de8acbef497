"""Neither digit nor garment: the shipped gate, how it is trained, and the strangers that it learned from."""

import json
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from models import checkpoints, datasets
from models.checkpoints import CheckpointError, file_format
from models.checkpoints.networks import tensors_of
from models.data.splits import load_split
from models.intake import gate, small_cnn
from models.intake.gate import KINDS
from models.intake.thumbnail import thumbnail
from models.training import train_gate
from models.training.scenes import strangers
from tests.idx import write_dataset
from tests.models.intake.test_picture import draw_seven, draw_shirt
from tests.shipped import WEIGHTS, judged, shipped_gate

DIGITS = [draw_seven(), draw_seven(ink=255, ground=0), draw_seven(size=(900, 700), longest=300)]
GARMENTS = [draw_shirt(), draw_shirt(colour=(200, 30, 30), ground=(235, 235, 235))]


@pytest.mark.parametrize("image", DIGITS)
def test_a_digit_is_let_in_and_is_no_garment(image):
    verdict = judged(image, "mnist")
    assert verdict.in_distribution
    assert verdict.score >= 0.5
    assert verdict.reason == "it looks like a digit"
    assert not judged(image, "fashion-mnist").in_distribution


@pytest.mark.parametrize("image", GARMENTS)
def test_a_shirt_is_let_in_and_is_no_digit(image):
    assert judged(image, "fashion-mnist").in_distribution
    verdict = judged(image, "mnist")
    assert not verdict.in_distribution
    assert verdict.reason == "it looks like clothing or another photograph, not like a digit"


@pytest.mark.parametrize("dataset", list(KINDS))
@pytest.mark.parametrize("size", [(28, 28), (200, 150)])
def test_noise_is_neither(dataset, size):
    rng = np.random.default_rng(0)
    verdicts = [judged(Image.fromarray(rng.integers(0, 256, size[::-1], dtype=np.uint8)), dataset) for _ in range(5)]
    assert not any(verdict.in_distribution for verdict in verdicts)
    assert all("noise" in verdict.reason for verdict in verdicts)


@pytest.mark.parametrize("size", [(28, 28), (2, 3), (1000, 5), (640, 480)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
@pytest.mark.parametrize("dataset", list(KINDS))
def test_any_picture_gets_a_verdict_and_the_same_one_each_time(size, mode, dataset):
    image = Image.effect_noise(size, 120).convert(mode)
    seen = np.asarray(Image.effect_noise((28, 28), 60))
    sent = thumbnail(np.asarray(image))
    verdict = shipped_gate().judge(sent, seen, dataset)
    assert 0 <= verdict.score <= 1
    assert verdict.in_distribution == (verdict.score >= 0.5)
    assert verdict == shipped_gate().judge(sent, seen, dataset)


def test_threads_may_ask_at_once():
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(judged, DIGITS[:1] * 16, ["mnist"] * 16))) == 1


def test_an_unknown_dataset_is_named():
    with pytest.raises(datasets.UnknownName, match="no dataset 'cifar'"):
        shipped_gate().judge(np.zeros((64, 64), np.uint8), np.zeros((28, 28), np.uint8), "cifar")


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot read .*gate\.lineup"):
        gate.load(tmp_path)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    file_format.write(tmp_path / "gate.lineup", {"kind": "auto"}, tensors_of(small_cnn.gate_networks(KINDS)))
    with pytest.raises(CheckpointError, match=r"kind 'auto'.*wanted kind 'gate'"):
        gate.load(tmp_path)


@pytest.mark.parametrize(
    "temperatures",
    [
        None,
        1.0,
        [1.0, 1.0],
        {},
        {"mnist": 1.0},
        {"mnist": "1", "fashion-mnist": 1.0},
        {"mnist": 0, "fashion-mnist": 1},
        {"mnist": True, "fashion-mnist": 1.0},
    ],
)
def test_temperatures_that_are_none_are_refused_when_it_is_loaded(tmp_path, temperatures):
    header = {"kind": "gate", "kinds": {name: list(kinds) for name, kinds in KINDS.items()}}
    networks = tensors_of(small_cnn.gate_networks(KINDS))
    file_format.write(tmp_path / "gate.lineup", {**header, "temperatures": temperatures}, networks)
    with pytest.raises(CheckpointError, match=r"temperatures .*wanted a number from 0\.01 to 100 for each of mnist"):
        gate.load(tmp_path)


def test_the_networks_are_small_and_of_the_shape_they_say():
    for name, kinds in KINDS.items():
        network = small_cnn.gate_networks(KINDS)[name].eval()
        assert network(torch.zeros(3, 1, 64, 64), torch.zeros(3, 1, 28, 28)).shape == (3, len(kinds))
    assert sum(parameter.numel() for parameter in small_cnn.gate_networks(KINDS).parameters()) < 300_000


def test_the_shipped_gate_tells_how_it_was_made_and_measured():
    path = WEIGHTS / "gate.lineup"
    header = checkpoints.read_header(path)
    assert header["recipe"]["scenes"] >= 10_000
    assert json.loads(path.with_suffix(".json").read_text())["mnist"] == header["metrics"]["mnist"]
    for name, least in (("mnist", 0.97), ("fashion-mnist", 0.85)):
        assert header["metrics"][name]["auroc"] >= least


@pytest.mark.parametrize("dataset", list(KINDS))
def test_the_datasets_test_pictures_are_let_in(dataset, shared):
    pictures, _ = load_split(dataset, "test", shared)
    some = list(pictures[::50].numpy())
    verdicts = shipped_gate().judge_all([thumbnail(one) for one in some], some, dataset)
    assert np.mean([verdict.in_distribution for verdict in verdicts]) > 0.95


MAKERS = {
    "noise": strangers.noise,
    "sign": lambda rng: strangers.sign(rng, []),
    "page": lambda rng: strangers.page(rng, []),
    "number": lambda rng: strangers.number(
        rng, list(np.pad(np.full((2, 12, 6), 200, np.uint8), ((0, 0), (8, 8), (11, 11))))
    ),
    "twisted": lambda rng: strangers.twisted(rng, *np.asarray(rng.integers(0, 256, (2, 28, 28)), np.uint8)),
    "texture": lambda rng: strangers.texture(rng, np.asarray(rng.integers(0, 256, (90, 120, 3)), np.uint8)),
}


@pytest.mark.parametrize("name", list(MAKERS))
def test_strangers_are_pictures_that_show_something_and_depend_on_the_generator_alone(name):
    made = [MAKERS[name](np.random.default_rng(seed)) for seed in range(40)]
    for scene in made:
        assert scene.dtype == np.uint8
        assert scene.ndim == 2
        assert np.ptp(scene) > 20
    assert len({scene.tobytes() for scene in made}) == 40
    assert np.array_equal(made[7], MAKERS[name](np.random.default_rng(7)))


def test_the_command_trains_measures_and_ships(tmp_path):
    pytest.importorskip("torchvision", reason="belongs to the extra `torch`")
    for name in KINDS:
        write_dataset(tmp_path, name, train=200, test=20)
    places = {"--data-dir": tmp_path, "--fonts": tmp_path, "--examples": tmp_path / "gate"}
    out = tmp_path / "weights" / "gate.lineup"
    out.parent.mkdir()
    options = [str(part) for pair in places.items() for part in pair]
    assert train_gate.main([*options, "--out", str(out), "--count", "300", "--epochs", "2"]) == 0
    header = checkpoints.read_header(out)
    for name, kinds in KINDS.items():
        assert set(header["metrics"][name]["auroc_against"]) == set(list(kinds)[1:])
        assert 0 <= header["metrics"][name]["auroc"] <= 1
    assert 0 <= judged(draw_seven(), "mnist", gate.load(out.parent)).score <= 1
