"""Loading the two datasets: right files, missing files, damaged files."""

import pytest
import torch

from models import datasets
from models.datasets import DATASETS, DataError
from tests.idx import bars, write_dataset, write_idx

pytest.importorskip("torchvision", reason="belongs to the extra `train`")
NAMES = list(DATASETS)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def raw(name, tmp_path):
    return write_dataset(tmp_path, name, train=30, test=20)


@pytest.fixture
def no_network(monkeypatch):
    """Any download fails at once, as on a machine without a network."""
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)


def test_files_that_are_there_are_read(name, raw, tmp_path):
    for split, count in (("train", 30), ("test", 20)):
        pictures, labels = datasets.load_split(name, split, tmp_path)
        assert (pictures.dtype, pictures.shape, labels.dtype) == (torch.uint8, (count, 28, 28), torch.int64)
        assert bytes(pictures[7].flatten().tolist()) == bars(7)
        assert labels.tolist() == [k % 10 for k in range(count)]


def test_missing_files_say_what_to_do(name, tmp_path, no_network):
    with pytest.raises(DataError, match=r"(?s)cannot load .*--data-dir"):
        datasets.load_split(name, "train", tmp_path)


def test_damaged_files_say_what_to_do(name, raw, tmp_path, no_network):
    file = raw / "train-images-idx3-ubyte"
    for content in (file.read_bytes()[:5000], b"", b"garbage" * 100):
        file.write_bytes(content)
        with pytest.raises(DataError, match="damaged"):
            datasets.load_split(name, "train", tmp_path)


def test_labels_that_do_not_belong_to_the_pictures_are_found(name, raw, tmp_path):
    write_idx(raw, "train", 30, labels=29)
    with pytest.raises(DataError, match="29 labels for 30 pictures"):
        datasets.load_split(name, "train", tmp_path)


def test_an_unknown_dataset_lists_the_known():
    with pytest.raises(datasets.UnknownName, match="no dataset 'cifar'; there are: mnist, fashion-mnist"):
        datasets.find("cifar")


def test_the_held_out_pictures_are_always_the_same_and_never_learned_from():
    learn, held = datasets.held_out_split(60_000)
    assert len(held) == datasets.HELD_OUT
    assert torch.equal(torch.cat([learn, held]).sort().values, torch.arange(60_000))
    assert torch.equal(datasets.held_out_split(60_000)[1], held)


def test_real_data_has_the_mean_and_deviation_that_is_recorded(name, shared):
    pictures, labels = datasets.load_split(name, "train", shared)
    assert labels.bincount().tolist()[0] in (5923, 6000)
    known = DATASETS[name]
    scaled = pictures.double() / 255
    assert scaled.mean().item() == pytest.approx(known.mean, abs=1e-4)
    assert scaled.std().item() == pytest.approx(known.std, abs=1e-4)
