"""What ships: all fourteen checkpoints, small enough for git, and as good as they say."""

import json

import numpy as np
import pytest
import torch

from models import catalog, checkpoints
from models.data.splits import load_split
from models.datasets import DATASETS

ROOT = checkpoints.root()
PAIRS = [(dataset, name) for dataset in DATASETS for name in catalog.ARCHITECTURES]
MIB = 2**20
FLOOR = {"mnist": 0.98, "fashion-mnist": 0.88}  # the least that a shipped network must reach on the test set


@pytest.mark.parametrize(("dataset", "name"), PAIRS)
def test_every_network_ships_with_all_that_is_told_of_it(dataset, name):
    path = checkpoints.path_for(dataset, name)
    header = checkpoints.read_header(path)
    report = json.loads(path.with_suffix(".json").read_text())
    assert (header["architecture"], header["dataset"]) == (name, dataset)
    assert {"recipe", "training", "metrics", "versions", "created", "temperature"} <= header.keys()
    assert header["digest"] == report["digest"], "the report is of this very file"
    assert header["metrics"]["accuracy"] == report["accuracy"]
    assert report["accuracy"] >= FLOOR[dataset]
    assert sum(map(sum, report["confusion"])) == report["n"] == 10_000


def test_the_files_are_small_enough_for_git():
    sizes = {path: path.stat().st_size for path in ROOT.rglob("*") if path.is_file()}
    assert max(sizes.values()) <= 16 * MIB
    assert sum(sizes.values()) <= 64 * MIB


@pytest.fixture(scope="module", params=PAIRS, ids="-".join)
def classifier(request):
    """One after another: pytest lets go of each before it loads the next."""
    return checkpoints.load(checkpoints.path_for(*request.param))


def test_every_shipped_network_answers_and_the_same_alone_and_in_a_batch(classifier):
    pictures = torch.randint(0, 256, (3, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    together = classifier.probabilities(pictures)
    alone = torch.cat([classifier.probabilities(picture[None]) for picture in pictures])
    assert torch.allclose(together.sum(1), torch.ones(3), atol=1e-5)
    assert (together - alone).abs().max() < 1e-4


def test_accuracy_on_real_pictures_is_what_is_recorded(classifier, shared):
    count = {"lenet": 5000, "alexnet": 300, "nin": 300, "vgg11": 100}.get(classifier.architecture, 600)
    pictures, labels = load_split(classifier.dataset, "test", shared)
    index = torch.from_numpy(np.random.default_rng(1).permutation(len(pictures))[:count])
    answers = torch.cat([classifier.probabilities(part).argmax(1) for part in pictures[index].split(50)])
    measured, recorded = (answers == labels[index]).double().mean().item(), classifier.metadata["metrics"]["accuracy"]
    spread = (recorded * (1 - recorded) / count) ** 0.5
    assert abs(measured - recorded) < 4 * spread + 0.005
