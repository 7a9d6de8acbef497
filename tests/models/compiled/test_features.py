"""The feature maps of every part of every network are torch's, and are made once."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from models import checkpoints
from models.catalog import ARCHITECTURES, EXTRAS
from models.checkpoints import CheckpointError
from models.compiled import cache, compiler, features, making, stages
from models.compiled.runner import open_runner
from tests import untrained
from tests.models.compiled.conftest import SPARSE

# 129 M weights take a minute to make, fill and compile, and what is special in them (sparse ends) AlexNet has, too.
HEAVY = pytest.param("vgg11", marks=pytest.mark.slow)
NETWORKS = [HEAVY if name == "vgg11" else name for name in (*ARCHITECTURES, *EXTRAS)]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


def opened(path, folder):
    """The feature maps of a checkpoint as a service gets them."""
    source = untrained.read(path)
    table = stages.load(source.architecture.name)
    told = source.dataset.name, source.architecture.name, source.content.header["digest"]
    return features.find(*told, table, folder) or features.make(source, table, folder)


def hooked(path, pictures, names):
    """What torch's modules of these names give."""
    classifier, given = checkpoints.load(path), {}
    modules = dict(classifier.network.named_modules())
    for name in names:
        modules[name].register_forward_hook(lambda _, __, output, name=name: given.update({name: output.numpy()}))
    with torch.inference_mode():
        classifier(torch.from_numpy(pictures))
    return given


@pytest.mark.parametrize("name", NETWORKS)
def test_every_part_gives_what_torchs_module_gives(name, checkpoint, folder, pictures):
    maps, pictures = opened(checkpoint(name), folder), pictures[:1]
    expected = hooked(checkpoint(name), pictures, maps.table.names())
    told = maps.several(pictures, maps.table.names())
    assert [*told] == maps.table.names()
    for part in maps.table.parts():
        wanted = expected[part.name]
        assert told[part.name].shape[1:] == part.shape, part.name
        np.testing.assert_allclose(told[part.name], wanted, rtol=1e-4, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(("name", "part"), [("lenet", "conv.3"), ("alexnet", "conv"), ("alexnet", "fc.1")])
def test_a_part_alone_is_what_it_is_among_others(name, part, checkpoint, folder, pictures):
    maps = opened(checkpoint(name), folder)
    both = maps.several(pictures[:2], [part, "conv.0", "fc"])
    assert (maps.of(pictures[:2], part) == both[part]).all()


@pytest.mark.parametrize("name", NETWORKS)
def test_the_last_part_gives_the_logits_of_the_network_that_answers(name, checkpoint, folder, pictures):
    maps = opened(checkpoint(name), folder)
    header, arrays = making.arrays(making.classifier(untrained.read(checkpoint(name))), "float32", {})
    answers = open_runner(cache.build(header, arrays))
    logits = maps.of(pictures[:1], maps.table.stages[-1].name)
    np.testing.assert_allclose(logits, answers.logits(pictures[:1]), rtol=1e-3, atol=1e-4 * np.abs(logits).max())


@pytest.mark.parametrize("name", [HEAVY if name == "vgg11" else name for name in SPARSE])
def test_sparse_layers_stay_sparse(name, checkpoint, folder):
    maps = opened(checkpoint(name), folder)
    assert len(maps.runner.layers) == len(maps.ends) == 3
    dense = 4 * ARCHITECTURES[name].parameters
    assert sum(path.stat().st_size for path in folder.glob(f"mnist-{name}-features-*")) < dense / 5


def test_it_is_kept_beside_the_network_that_answers_and_found_by_the_digest_alone(tmp_path, pictures):
    path = untrained.write(tmp_path / "weights", "lenet")
    source, folder, table = untrained.read(path), tmp_path / "cache", stages.load("lenet")
    compiler.load(source, folder)
    told = "mnist", "lenet", source.content.header["digest"]
    assert features.find(*told, table, folder) is None
    made = features.make(source, table, folder)
    path.unlink()
    found = features.find(*told, table, folder)
    assert (found.of(pictures, "conv") == made.of(pictures, "conv")).all()
    assert len(list(folder.iterdir())) == 2
    assert features.find("mnist", "lenet", "0" * 64, table, folder) is None
    other = stages.Table(table.stages, "another table of the same network")
    assert features.find(*told, other, folder) is None


@pytest.mark.parametrize("change", [{"ends": [["logits", None]]}, {"ends": 7}, {"layers": 7}])
def test_what_lacks_a_part_is_made_anew(change, tmp_path, caplog):
    path = untrained.write(tmp_path / "weights", "lenet")
    opened(path, tmp_path)
    (file,) = tmp_path.glob("mnist-lenet-features-*")
    kept = cache.read(file, {})
    cache.write(file, {**kept.header, **change}, kept.arrays)
    source, table = untrained.read(path), stages.load("lenet")
    assert features.find("mnist", "lenet", source.content.header["digest"], table, tmp_path) is None
    assert "is made anew" in caplog.text


def test_a_graph_without_some_values_is_incomplete(tmp_path):
    maps = opened(untrained.write(tmp_path, "lenet"), tmp_path)
    assert maps.complete()
    assert not features.FeatureMaps(stages.load("lenet-bn"), maps.runner, []).complete()


def test_an_unknown_part_is_a_key_error(tmp_path, pictures):
    with pytest.raises(KeyError, match="conv9"):
        opened(untrained.write(tmp_path, "lenet"), tmp_path).of(pictures, "conv9")


def test_where_nothing_can_be_kept_it_lives_in_memory(tmp_path, pictures, caplog):
    (tmp_path / "file").write_text("in the way")
    maps = opened(untrained.write(tmp_path, "lenet"), tmp_path / "file")
    assert maps.of(pictures, "conv.0").shape == (7, 6, 24, 24)
    assert "cannot be kept" in caplog.text


def test_tensors_of_another_network_are_refused(tmp_path):
    wrong = replace(untrained.read(untrained.write(tmp_path, "lenet")), architecture=EXTRAS["lenet-bn"])
    with pytest.raises(CheckpointError, match="the network has"):
        features.make(wrong, stages.load("lenet-bn"), tmp_path)
