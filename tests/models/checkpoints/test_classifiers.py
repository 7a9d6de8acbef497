"""A checkpoint rebuilds its network, and one that does not fit is refused with both sides named."""

import pytest
import torch

from models import catalog, checkpoints, datasets
from models.checkpoints import CheckpointError, file_format
from models.classifier import Classifier

DATASETS = list(datasets.DATASETS)


@pytest.fixture
def lenet() -> Classifier:
    torch.manual_seed(0)
    network = catalog.ARCHITECTURES["lenet"].build()
    return Classifier(network, architecture="lenet", dataset="mnist", temperature=0.9).eval()


@pytest.fixture
def path(lenet, tmp_path):
    path = checkpoints.path_for("mnist", "lenet", tmp_path)
    checkpoints.save(path, lenet, {"recipe": {"optimizer": "adamw"}, "metrics": {"accuracy": 0.5, "n": 10}})
    return path


def test_a_saved_classifier_comes_back_with_all_it_knew(lenet, path):
    back = checkpoints.load(path)
    pictures = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8)
    assert torch.allclose(back(pictures), lenet(pictures), atol=1e-6)
    assert (back.architecture, back.dataset, back.temperature) == ("lenet", "mnist", 0.9)
    assert back.classes == datasets.DATASETS["mnist"].classes
    assert back.metadata["metrics"] == {"accuracy": 0.5, "n": 10}
    assert back.metadata["input"] == {"size": 28, "mean": 0.1307, "std": 0.3081}
    assert {"python", "torch"} <= back.metadata["versions"].keys()
    assert back.metadata["digest"] == checkpoints.read_header(path)["digest"]
    assert not back.training
    assert not any(parameter.requires_grad for parameter in back.parameters())


# Dense, the other two fill 45 and 125 MB: their shipped, sparse files are tested in test_shipped_weights.
SMALL_FILES = [name for name in (*catalog.ARCHITECTURES, *catalog.EXTRAS) if name not in ("alexnet", "vgg11")]


@pytest.mark.parametrize("name", SMALL_FILES)
def test_a_network_survives_the_file_with_small_error(name, tmp_path):
    torch.manual_seed(0)
    before = Classifier(catalog.find(name).build(), architecture=name, dataset="fashion-mnist").eval()
    checkpoints.save(tmp_path / "x.lineup", before, {})
    after = checkpoints.load(tmp_path / "x.lineup")
    pictures = torch.randint(0, 256, (2, 28, 28), dtype=torch.uint8)
    with torch.inference_mode():
        wanted, got = before(pictures), after(pictures)
    assert (got - wanted).abs().max() < 0.2 * wanted.std() + 1e-6


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"architecture": "lenet5"}, "no network 'lenet5'; there are: lenet, alexnet"),
        ({"architecture": "lenet-bn"}, "holds"),
        ({"architecture": None}, "no network 'None'"),
        ({"dataset": "kmnist"}, "no dataset 'kmnist'; there are: mnist, fashion-mnist"),
        ({"dataset": "fashion-mnist"}, r"made for classes \['0'.*; lenet here has \['T-shirt/top'"),
        ({"input": {"size": 32, "mean": 0.1307, "std": 0.3081}}, "'size': 32.*'size': 28"),
        ({"temperature": 0}, "temperature 0; wanted a number from 0.01 to 100"),
        ({"temperature": "hot"}, "temperature 'hot'"),
    ],
)
def test_what_does_not_fit_is_refused(path, changes, told):
    file_format.amend(path, changes)
    with pytest.raises(CheckpointError, match=told):
        checkpoints.load(path)


def test_digest_and_tensors_are_of_one_file_though_another_takes_its_place_meanwhile(path, lenet, monkeypatch):
    before = checkpoints.read_header(path)["digest"]
    find = catalog.find

    def slow_find(name):
        """While the catalog is looked into, training ships a better one."""
        torch.manual_seed(1)
        better = Classifier(find(name).build(), architecture="lenet", dataset="mnist")
        checkpoints.save(path, better, {})
        return find(name)

    monkeypatch.setattr(catalog, "find", slow_find)
    loaded = checkpoints.load(path)
    assert loaded.metadata["digest"] == before != checkpoints.read_header(path)["digest"]
    assert torch.equal(loaded.network.state_dict()["fc.0.weight"], lenet.network.state_dict()["fc.0.weight"])


@pytest.mark.parametrize("dataset", DATASETS)
@pytest.mark.parametrize(
    "bad",
    [torch.zeros(2, 28, 28), torch.zeros(2, 1, 28, 28, dtype=torch.uint8), torch.zeros(2, 27, 28, dtype=torch.uint8)],
)
def test_a_classifier_takes_uint8_pictures_of_28_only(dataset, bad):
    classifier = Classifier(catalog.ARCHITECTURES["lenet"].build(), architecture="lenet", dataset=dataset)
    with pytest.raises(ValueError, match=r"wanted torch.uint8 \[N, 28, 28\]"):
        classifier(bad)


@pytest.mark.parametrize("name", list(catalog.ARCHITECTURES))
@pytest.mark.parametrize("dataset", DATASETS)
def test_the_input_step_normalises_and_resizes(name, dataset):
    with torch.device("meta"):
        network = catalog.ARCHITECTURES[name].build()
    classifier = Classifier(network, architecture=name, dataset=dataset)
    known, side = datasets.DATASETS[dataset], catalog.ARCHITECTURES[name].input_size
    x = classifier.network_input(torch.full((2, 28, 28), 51, dtype=torch.uint8))
    assert x.shape == (2, 1, side, side)
    assert torch.allclose(x, torch.full_like(x, (0.2 - known.mean) / known.std), atol=1e-5)


def test_probabilities_are_softmax_of_the_logits_over_the_temperature(lenet):
    pictures = torch.randint(0, 256, (4, 28, 28), dtype=torch.uint8)
    assert torch.allclose(lenet.probabilities(pictures), (lenet(pictures) / 0.9).softmax(1), atol=1e-6)


def test_pictures_that_were_sent_otherwise_take_their_own_temperature(tmp_path, lenet):
    lenet.temperature_sent = 1.8
    checkpoints.save(tmp_path / "a.lineup", lenet, {})
    back = checkpoints.load(tmp_path / "a.lineup")
    pictures = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8)
    got = back.probabilities(pictures, torch.tensor([False, True, False]))
    logits = back(pictures)
    assert torch.allclose(got[[0, 2]], (logits[[0, 2]] / 0.9).softmax(1), atol=1e-6)
    assert torch.allclose(got[1], (logits[1] / 1.8).softmax(0), atol=1e-6)


def test_a_checkpoint_without_a_temperature_for_sent_pictures_has_one_for_all(lenet):
    assert lenet.temperature_sent == lenet.temperature == 0.9
