"""Sets of prepared scenes on disk: there, missing, damaged, made by other code."""

import sys

import pytest
import torch

from models.data import scene_sets
from models.data.scene_sets import SceneSet
from models.data.splits import DataError

MAKE_IT = r"python -m models\.training\.scenes\.make --dataset mnist"


def some(count: int) -> SceneSet:
    pictures = torch.arange(count * 784).reshape(count, 28, 28).to(torch.uint8)
    return SceneSet(pictures, torch.eye(10).bool()[torch.arange(count) % 10])


@pytest.fixture
def folder(tmp_path):
    pytest.importorskip("safetensors", reason="belongs to the extra `torch`")
    scene_sets.save(tmp_path / "scenes", "mnist", {"learn": some(30), "held": some(3)}, {"scenes": 30})
    return tmp_path / "scenes"


def test_what_is_saved_is_loaded(folder, capsys):
    for part, count in (("learn", 30), ("held", 3)):
        loaded = scene_sets.load(folder, "mnist", part)
        assert torch.equal(loaded.pictures, some(count).pictures)
        assert torch.equal(loaded.allowed, some(count).allowed)
    assert not capsys.readouterr().out


def test_a_missing_set_is_named_with_what_makes_it(tmp_path):
    with pytest.raises(DataError, match=rf"mnist\.safetensors; make it: {MAKE_IT}"):
        scene_sets.load(tmp_path, "mnist", "learn")


def test_a_set_made_by_other_code_is_told(folder, monkeypatch, capsys):
    monkeypatch.setattr(scene_sets, "made_by", lambda: "0" * 8)
    scene_sets.load(folder, "mnist", "learn")
    told = "was made by other code than this; python -m models.training.scenes.make --dataset mnist makes it anew"
    assert told in capsys.readouterr().out


@pytest.mark.parametrize("damage", [lambda data: data[:1000], lambda data: b"", lambda data: b"garbage" * 9])
def test_a_damaged_set_is_told(folder, damage):
    path = scene_sets.path_for(folder, "mnist")
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(DataError, match=rf"mnist\.safetensors is damaged: .*; make it anew: {MAKE_IT}"):
        scene_sets.load(folder, "mnist", "learn")


def test_without_safetensors_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "safetensors", None)
    scene_sets.path_for(tmp_path, "mnist").touch()
    with pytest.raises(DataError, match=r"reading .*mnist\.safetensors needs .*: pip install -e '\.\[torch\]'"):
        scene_sets.load(tmp_path, "mnist", "learn")
    with pytest.raises(DataError, match=r"writing .*pip install -e '\.\[torch\]'"):
        scene_sets.save(tmp_path, "mnist", {}, {})
