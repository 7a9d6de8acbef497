"""When the rules of the vote are judged anew: by other networks, other code, other scenes."""

import json
import shutil

import pytest
import torch

from models import checkpoints
from models.checkpoints import file_format
from models.data import scene_sets
from models.data.scene_sets import SceneSet
from models.datasets import DATASETS
from tools import steps
from tools.step import Place

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")


def make_scenes(folder, dataset):
    held = SceneSet(torch.zeros(2, 28, 28, dtype=torch.uint8), torch.eye(10).bool()[:2])
    scene_sets.save(folder, dataset, {"held": held}, {})


@pytest.fixture
def place(tmp_path):
    """A copy of the checkpoints, scenes, and a record of both by the code that is here."""
    shutil.copytree(checkpoints.root(), tmp_path / "weights")
    for dataset in DATASETS:
        make_scenes(tmp_path / "scenes", dataset)
    there = Place(tmp_path / "data", tmp_path / "weights", tmp_path / "scenes")
    code = {steps.vote_rules.CODE: steps.code_digest(steps.vote_rules.CODE)}
    told = {"of": {f"{d}/{n}": there.digest(n, d) for n, d in steps.PAIRS} | code}
    told["scenes"] = dict.fromkeys(DATASETS, scene_sets.made_by())
    (tmp_path / "weights/vote.json").write_text(json.dumps(told))
    return there


def stale(place):
    return steps.vote(place).stale()


def forget(place, key, name):
    path = place.weights / "vote.json"
    told = json.loads(path.read_text())
    del told[key][name]
    path.write_text(json.dumps(told))


def test_a_record_of_what_is_there_is_not_stale(place):
    assert stale(place) is None


def test_the_vote_is_stale_where_a_network_is_another(place):
    file_format.amend(place.checkpoint("nin", "mnist"), {"created": "another day"})
    assert stale(place) == "of other mnist/nin"


def test_the_vote_is_stale_where_the_code_that_judges_is_another(place, monkeypatch):
    monkeypatch.setattr(steps, "code_digest", lambda module: f"other code of {module}")
    assert stale(place) == "of other models.evaluation.vote_rules"
    monkeypatch.undo()
    assert stale(place) is None
    forget(place, "of", "models.evaluation.vote_rules")
    assert stale(place) == "of other models.evaluation.vote_rules", "until November 2026 none was told"


def test_the_vote_is_stale_where_scenes_were_made_by_other_code(place, monkeypatch):
    monkeypatch.setattr(scene_sets, "code_digest", lambda *_: "12345678")
    make_scenes(place.scenes, "fashion-mnist")
    assert scene_sets.makers(place.scenes)["fashion-mnist"] == "12345678"
    assert stale(place) == "of other scenes of fashion-mnist"


def test_scenes_of_which_nothing_is_recorded_make_it_stale_and_ones_that_are_gone_do_not(place):
    forget(place, "scenes", "mnist")
    assert stale(place) == "of other scenes of mnist"
    scene_sets.path_for(place.scenes, "mnist").unlink()
    assert stale(place) is None


def test_damaged_scenes_tell_nothing(place):
    scene_sets.path_for(place.scenes, "mnist").write_bytes(b"damaged")
    assert scene_sets.makers(place.scenes).keys() == {"fashion-mnist"}
    assert scene_sets.makers(place.scenes / "nowhere") == {}
