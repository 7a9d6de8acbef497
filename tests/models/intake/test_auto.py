"""Digit or clothing: the shipped network, and the pictures that it learned from."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch
from PIL import Image

from models import datasets
from models.checkpoints import CheckpointError, file_format
from models.checkpoints.networks import tensors_of
from models.data.splits import load_split
from models.intake import auto, small_cnn
from models.intake.thumbnail import thumbnail
from models.training import train_auto
from models.training.scenes import digits, garments
from tests.idx import bars, write_dataset
from tests.shipped import WEIGHTS, shipped_auto


@pytest.mark.parametrize("size", [(28, 28), (1, 1), (1000, 3), (640, 480)])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_any_picture_gets_an_answer_and_the_same_one_each_time(size, mode):
    image = Image.effect_noise(size, 60).convert(mode)
    dataset, confidence = shipped_auto().decide(image)
    assert dataset in datasets.DATASETS
    assert 0.5 <= confidence <= 1
    assert shipped_auto().decide(image) == (dataset, confidence)


def test_a_digit_and_a_shirt_that_the_tests_draw_are_told_apart():
    from tests.models.intake.test_picture import draw_seven, draw_shirt

    for picture in (draw_seven(), draw_seven(ink=255, ground=0), draw_seven(size=(900, 700), longest=300)):
        assert shipped_auto().decide(picture)[0] == "mnist"
    for picture in (draw_shirt(), draw_shirt(colour=(200, 30, 30), ground=(20, 20, 20))):
        assert shipped_auto().decide(picture)[0] == "fashion-mnist"


def test_threads_may_ask_at_once():
    image = Image.effect_noise((100, 80), 60)
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(shipped_auto().decide, [image] * 32))) == 1


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot read .*auto\.lineup"):
        auto.load(tmp_path)


def test_a_checkpoint_of_another_kind_is_refused(tmp_path):
    file_format.write(tmp_path / "auto.lineup", {"kind": "classifier"}, tensors_of(small_cnn.AutoNetwork()))
    with pytest.raises(CheckpointError, match=r"kind 'classifier'.*wanted kind 'auto'"):
        auto.load(tmp_path)


def test_what_is_loaded_is_of_its_folder_and_not_kept_by_its_name(tmp_path):
    picture = Image.effect_noise((90, 60), 60)
    said = []
    for seed in range(2):
        torch.manual_seed(seed)
        header = {"kind": "auto", "answers": list(auto.ANSWERS)}
        file_format.write(tmp_path / "auto.lineup", header, tensors_of(small_cnn.AutoNetwork()))
        said.append(auto.load(tmp_path).decide(picture))
    assert said[0] != said[1] != shipped_auto().decide(picture)


def test_the_network_is_small_and_of_the_shape_it_says():
    network = small_cnn.AutoNetwork().eval()
    assert network(torch.zeros(3, 1, 64, 64)).shape == (3, 2)
    assert sum(parameter.numel() for parameter in network.parameters()) < 300_000


def test_a_thumbnail_uses_the_full_range_and_keeps_a_thin_line():
    pixels = np.full((800, 1000), 230, np.uint8)
    pixels[:, 500:502] = 200
    small = thumbnail(pixels)
    assert (small.dtype, small.shape) == (np.uint8, (64, 64))
    assert (small.min(), small.max()) == (0, 255)
    assert (thumbnail(np.full((30, 40, 3), 7, np.uint8)) == 0).all(), "a blank picture divides by nothing"


@pytest.mark.parametrize("margin", [0, 1, 3])  # of its own size, on each side
@pytest.mark.parametrize("ground", [245, 20])
def test_how_much_plain_ground_is_round_it_does_not_matter(margin, ground):
    from tests.models.intake.test_picture import draw_seven, draw_shirt

    shirt, seven = draw_shirt(ground=(ground,) * 3), draw_seven(ground=ground, ink=255 - ground, longest=150, width=9)
    for image, dataset in ((shirt, "fashion-mnist"), (seven, "mnist")):
        width, height = image.size
        canvas = Image.new("RGB", (width * (2 * margin + 1), height * (2 * margin + 1)), (ground,) * 3)
        canvas.paste(image, (width * margin, height * margin // 2))
        assert shipped_auto().decide(canvas)[0] == dataset


def test_a_thumbnail_looks_closer_at_what_is_small_and_only_then():
    pixels = np.full((400, 600), 240, np.uint8)
    pixels[300:380, 20:80] = 30  # fills a fifth, in a corner
    rows, columns = (
        np.nonzero((thumbnail(pixels) < 128).any(1))[0],
        np.nonzero((thumbnail(pixels) < 128).any(0))[0],
    )
    assert 30 <= rows[-1] - rows[0] + 1 <= 34, "half of the thumbnail"
    assert 22 <= columns[-1] - columns[0] + 1 <= 26, "its shape is kept"
    pixels[10:390, 290:300] = 30
    assert (thumbnail(pixels) < 128)[:, 31].mean() > 0.8, "what reaches across is seen whole"
    tiny = np.full((400, 400), 240, np.uint8)
    tiny[200:204, 200:204] = 30
    assert (thumbnail(tiny) < 128).sum() <= 4, "too few pixels for a closer look"


@pytest.mark.parametrize("make", [digits.digit, garments.garment, garments.photograph])
def test_scenes_are_pictures_of_many_sizes_and_come_from_the_seed_alone(make):
    picture = np.frombuffer(bars(3), np.uint8).reshape(28, 28)
    drawn = [make(np.random.default_rng(seed), picture) for seed in range(60)]
    again = [make(np.random.default_rng(seed), picture) for seed in range(60)]
    assert all(np.array_equal(a, b) for a, b in zip(drawn, again, strict=True))
    assert all(scene.dtype == np.uint8 and scene.ndim == 2 for scene in drawn)
    assert len({scene.shape for scene in drawn}) > 10
    assert np.mean([np.ptp(scene) > 20 for scene in drawn]) > 0.95, "something is to be seen on nearly all"


def test_training_it_leaves_a_measured_checkpoint(tmp_path):
    for name in datasets.DATASETS:
        write_dataset(tmp_path / "data", name, train=40, test=20)
    out = tmp_path / "auto.lineup"
    arguments = ["--data-dir", tmp_path / "data", "--out", out, "--count", "96", "--epochs", "1"]
    assert train_auto.main([str(argument) for argument in arguments]) == 0
    header = file_format.read_header(out)
    assert header["metrics"].keys() == {"mnist test", "fashion-mnist test"}
    assert header["metrics"]["mnist test"]["n"] == 20
    assert auto.load(tmp_path).decide(Image.new("L", (28, 28)))[0] in datasets.DATASETS


@pytest.mark.parametrize(("answer", "name"), list(enumerate(auto.ANSWERS)))
def test_it_is_right_on_at_least_999_in_1000_of_the_real_test_pictures(answer, name, shared):
    pictures, _ = load_split(name, "test", shared)
    run = small_cnn.load_auto(WEIGHTS / "auto.lineup", auto.ANSWERS)
    thumbnails = np.stack([thumbnail(picture) for picture in pictures.numpy()])
    answers = np.concatenate([run(part).argmax(1) for part in np.split(thumbnails, 100)])
    assert (answers == answer).mean() >= 0.999
