"""The mixture of scenes that networks learn from: prepared by the intake, reproducible, of sources kept apart."""

import numpy as np
import pytest

from models import datasets
from models.training.scenes import mixture
from models.training.scenes.sources import LONGEST, find_sources


@pytest.mark.parametrize("dataset", list(datasets.DATASETS))
def test_a_set_is_pictures_and_the_classes_that_are_right(dataset, data_dir, tmp_path):
    pictures, allowed = mixture.prepared(find_sources(dataset, data_dir, tmp_path, held=False), seed=1, count=60)
    assert (pictures.dtype, allowed.dtype) == (np.uint8, np.bool_)
    assert pictures.shape[1:] == (28, 28)
    assert len(pictures) == len(allowed) > 40
    assert allowed.any(1).all()
    assert (pictures.max((1, 2)) > 100).all(), "each shows something"
    again = mixture.prepared(find_sources(dataset, data_dir, tmp_path, held=False), seed=1, count=60)
    assert np.array_equal(pictures, again[0])
    assert np.array_equal(allowed, again[1])


def test_held_out_sources_are_others(data_dir, tmp_path):
    for name in ("a.ttf", "b.ttf", "c.woff", "d.txt"):
        (tmp_path / name).touch()
    learn, held = (find_sources("mnist", data_dir, tmp_path, held=held) for held in (False, True))
    assert {path.name for path in held.fonts} == {"a.ttf"}
    assert {path.name for path in learn.fonts} == {"b.ttf", "c.woff"}
    assert sum(map(len, learn.by_class)) == 160
    assert sum(map(len, held.by_class)) == 40
    learn, held = (find_sources("fashion-mnist", data_dir, tmp_path, held=held) for held in (False, True))
    assert (len(learn.photographs), len(held.photographs)) == (29, 4)
    assert {classes for _, classes in learn.photographs} == {(3,), (7, 9), ()}
    assert max(max(photograph.shape[:2]) for photograph, _ in learn.photographs) == LONGEST


def test_a_photograph_of_none_of_the_classes_is_never_learned_as_one(data_dir, tmp_path):
    sources = find_sources("fashion-mnist", data_dir, tmp_path, held=False)
    rng = np.random.default_rng(0)
    seen = {mixture._balanced(rng, sources.photographs)[1] for _ in range(50)}
    assert seen == {(3,), (7, 9)}
