"""Features of convolutions on integers: close to those of PyTorch, and torch's own where there is no graph."""

import pytest
import torch

from models.catalog import ARCHITECTURES
from models.classifier import Classifier
from models.training import features, int8_features, recipes, sparse
from models.training.augment import AUGMENTATIONS
from models.training.pool import pool

PICTURES = torch.randint(0, 256, (6, 28, 28), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
SPARSE = [name for name, recipe in recipes.FULL.items() if recipe.density]


def classifier(name, density=0.01):
    torch.manual_seed(0)
    made = Classifier(ARCHITECTURES[name].build(), architecture=name, dataset="mnist").eval()
    if density:
        sparse.mask(made.network, density, seed=0)
    return made


@pytest.mark.parametrize("name", SPARSE)
def test_they_are_those_of_the_convolutions(tmp_path, name):
    one = classifier(name)
    before = {name: value.clone() for name, value in one.state_dict().items()}
    compute = int8_features.convolutions(one, PICTURES, tmp_path)
    with torch.no_grad():
        wanted = one.network.conv(one.network_input(PICTURES)).flatten(1)
    apart = (compute(PICTURES) - wanted).norm() / wanted.norm()
    assert apart < 0.05, "as near as integers of eight bits come"
    assert not list(tmp_path.iterdir()), "the checkpoint on the way is gone"
    assert {name: value.shape for name, value in one.state_dict().items()} == {n: v.shape for n, v in before.items()}
    assert all(torch.equal(value, before[name]) for name, value in one.state_dict().items())


def test_a_network_that_is_not_the_catalogs_or_has_no_sparse_layer_has_none(tmp_path):
    other = Classifier(torch.nn.Linear(1, 1), architecture="vgg11", dataset="mnist")
    other.network.input_size = 224
    assert int8_features.convolutions(other, PICTURES, tmp_path) is None
    assert int8_features.convolutions(classifier("lenet", density=None), PICTURES, tmp_path) is None


def test_those_to_learn_from_are_of_moved_pictures_and_the_same_whenever_they_are_computed(tmp_path, monkeypatch):
    monkeypatch.setattr(features, "CHUNK", 2)
    one, labels = classifier("alexnet"), torch.arange(6)
    learn = pool((PICTURES[:4], labels[:4]))
    how = AUGMENTATIONS["mnist"]

    def inputs(folder, augmentation=how, seed=0):
        material = features.material_of(
            one,
            learn,
            (PICTURES[4:], labels[4:]),
            0.0,
            tmp_path / folder,
            seed=seed,
            augmentation=augmentation,
            may_compute=lambda: True,
            after_each=lambda: None,
        )
        return material.inputs, material.watched[0]

    (first, watched), (again, _) = inputs("first"), inputs("again")
    (unmoved, seen) = inputs("unmoved", type(how)(0, 0, 0, 0, 0, False))
    assert torch.equal(first, again)
    assert not torch.allclose(first, unmoved, rtol=0.1)
    assert not torch.equal(first, inputs("another", seed=1)[0])
    assert torch.equal(watched, seen), "those looked at are as they are"
    monkeypatch.setattr(features, "_convolutions", lambda *_: pytest.fail("every chunk is there"))
    assert torch.equal(inputs("first")[0], first)
