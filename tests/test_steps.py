"""The steps of `make figures`: what each records, and when it is stale, on the committed records and on copies."""

import json
import shutil
from pathlib import Path

import pytest

from models import checkpoints
from models.checkpoints import file_format
from tools import remake, step, steps
from tools.step import Place

WEIGHTS = checkpoints.root()
OF_NETWORKS = ("evaluation", "mistakes", "forms", "robustness")
KINDS = (*OF_NETWORKS, "pictures", "vote", "page", "report", "deploy files", "tables")


@pytest.fixture
def place(tmp_path):
    """A copy of the committed checkpoints and records, with photographs and scenes that are there."""
    shutil.copytree(WEIGHTS, tmp_path / "weights")
    (tmp_path / "data/photos").mkdir(parents=True)
    (tmp_path / "scenes").mkdir()
    for dataset in ("mnist", "fashion-mnist"):
        (tmp_path / "scenes" / f"{dataset}.safetensors").touch()
    return Place(tmp_path / "data", tmp_path / "weights", tmp_path / "scenes")


def found(place, name):
    return next(one for one in steps.steps(place) if one.name == name)


def kind(name):
    return next(kind for kind in KINDS if name.startswith(kind))


def test_steps_come_in_order_each_after_those_that_it_needs():
    known = steps.steps(Place(Path("data"), WEIGHTS))
    names = [one.name for one in known]
    assert [*dict.fromkeys(map(kind, names))] == [*KINDS]
    assert len(set(names)) == len(names) == 4 * 14 + 6
    for place, one in enumerate(known):
        assert set(one.after) <= set(names[:place]), f"{one.name} comes before what it needs"


@pytest.mark.parametrize("name", KINDS)
def test_what_is_recorded_is_there(name):
    known = [one for one in steps.steps(Place(Path("data"), WEIGHTS)) if kind(one.name) == name]
    assert known
    assert not [str(path) for one in known for path in one.records if not path.is_file()]


def test_which_of_the_committed_figures_are_stale_can_be_told(capsys):
    assert remake.main(["--plan"]) == 0
    assert " steps are up to date" in capsys.readouterr().out


@pytest.mark.parametrize("name", OF_NETWORKS)
@pytest.mark.parametrize(("network", "dataset"), steps.PAIRS)
def test_every_committed_record_is_whole_and_of_its_checkpoint(name, network, dataset):
    assert found(Place(Path("data"), WEIGHTS), f"{name} {dataset}/{network}").stale() is None


def test_another_checkpoint_makes_stale_all_that_was_measured_of_it_and_nothing_else(place):
    before = {one.step.name for one in remake.plan(steps.steps(place))}
    before.discard("mistakes mnist/nin")  # evaluation finds them
    file_format.amend(place.checkpoint("nin", "mnist"), {"created": "another day"})
    why = {one.step.name: one.why for one in remake.plan(steps.steps(place))}
    own = {f"{kind} mnist/nin" for kind in ("evaluation", "forms", "robustness")}
    assert own | {"pictures", "vote", "page", "report", "tables"} | before == why.keys()
    digest = place.digest("nin", "mnist")[:8]
    assert why["evaluation mnist/nin"].endswith(f", not {digest}")
    assert why["forms mnist/nin"].endswith(f", not {digest}")


@pytest.mark.parametrize("name", ["auto", "gate"])
def test_pictures_are_stale_where_auto_gate_or_a_network_is_another(place, name):
    path = place.weights / "pictures.json"
    one = found(place, "pictures")
    told = json.loads(path.read_text())
    told["of"] = steps.evaluate_pictures.measured_of(place.weights, steps.PAIRS)
    path.write_text(json.dumps(told))
    assert one.stale() is None
    file_format.amend(place.weights / f"{name}.lineup", {"created": "another day"})
    assert one.stale() == f"of other {name}"
    del told["of"]
    path.write_text(json.dumps(told))
    assert one.stale() == "pictures.json does not say what it was measured of", "as those of older code"


@pytest.mark.parametrize("changed", ["models.intake.pipeline", "models.vote"])
def test_pictures_are_stale_where_the_intake_or_the_vote_is_other_code(place, monkeypatch, changed):
    path = place.weights / "pictures.json"
    told = steps.evaluate_pictures.measured_of(place.weights, steps.PAIRS)
    path.write_text(json.dumps({"of": told}))
    monkeypatch.setattr(
        steps.evaluate_pictures, "code_digest", lambda module: "12345678" if module == changed else told[module]
    )
    assert found(place, "pictures").stale() == f"of other {changed}"


@pytest.mark.parametrize("part", steps.PARTS)
def test_a_report_without_a_part_is_completed(place, part):
    path = place.checkpoint("lenet", "mnist").with_suffix(".json")
    told = json.loads(path.read_text()) | {key: [] for key in steps.PARTS}
    path.write_text(json.dumps(told))
    one = found(place, "mistakes mnist/lenet")
    assert one.stale() is None
    del told[part]
    path.write_text(json.dumps(told))
    assert one.stale() == f"lenet.json is without {part}"
    assert "--mistakes" in one.command
    file_format.amend(place.checkpoint("lenet", "mnist"), {"created": "another day"})
    assert one.stale() is None, "it is of another checkpoint, and evaluation makes one that is whole"


@pytest.mark.parametrize("network", ["lenet", "vgg11"])
def test_forms_of_the_slowest_are_measured_on_fewer_pictures(place, network):
    one = found(place, f"forms mnist/{network}")
    assert ("--test-images" in one.command) == (network == "vgg11")


def test_a_record_of_robustness_that_was_interrupted_is_stale(place, monkeypatch):
    one = found(place, "robustness mnist/lenet")
    path = place.checkpoint("lenet", "mnist").with_suffix(".robustness.json")
    told = {"digest": place.digest("lenet", "mnist"), "corruptions": {key: {} for key in "abcde"}}
    path.write_text(json.dumps(told))
    assert one.stale() is None
    del told["corruptions"]["e"]
    path.write_text(json.dumps(told))
    assert one.stale() == "lenet.robustness.json tells 4 of 5 kinds"
    monkeypatch.setattr(steps.corruptions, "CORRUPTIONS", dict.fromkeys("abcdef"))
    assert one.stale() == "lenet.robustness.json tells 4 of 6 kinds"


def test_evaluation_waits_where_its_figures_of_scenes_would_be_lost(place):
    one = found(place, "evaluation mnist/lenet")
    file_format.amend(place.checkpoint("lenet", "mnist"), {"metrics": {"accuracy": 0.99, "sent_accuracy": 0.9}})
    assert one.left() is None
    (place.scenes / "mnist.safetensors").unlink()
    assert "would be lost" in one.left()
    assert "scenes.make --dataset mnist" in one.left()
    file_format.amend(place.checkpoint("lenet", "mnist"), {"metrics": {"accuracy": 0.99}})
    assert one.left() is None, "there are none to lose"


def test_the_vote_waits_where_its_figures_of_scenes_would_be_lost(place):
    one = found(place, "vote")
    path = place.weights / "vote.json"
    path.write_text(json.dumps({"of": {}, "n": {"mnist held out": 2000, "fashion-mnist scenes": 2000}}))
    assert one.left() is None
    (place.scenes / "mnist.safetensors").unlink()
    assert one.left() is None, "it has none of mnist"
    (place.scenes / "fashion-mnist.safetensors").unlink()
    assert "would be lost" in one.left()
    assert "scenes.make --dataset fashion-mnist" in one.left()
    path.unlink()
    assert one.left() is None, "there are none to lose"


def test_the_report_is_drawn_after_the_speed_that_it_draws(place, monkeypatch):
    shown = place.weights / "figures.json"
    monkeypatch.setattr(steps.figures, "PLACE", shown)
    monkeypatch.setattr(steps.figures, "figures", lambda: {"speed": {"date": "another day"}, "pictures": None})
    shown.write_text(json.dumps({"speed": {"date": "once"}, "pictures": None}))
    known = [found(place, name) for name in ("page", "report")]
    page, drawn = known
    drawn.then()
    assert {one.step.name: one.why for one in remake.plan(known)} == {
        "page": "figures.json is other than made now",
        "report": "after page",
    }
    steps.figures.main()
    assert page.stale() is None
    assert drawn.stale() == "drawn of other speed"
    drawn.then()
    assert remake.plan(known) == []


def test_the_report_is_drawn_anew_where_a_record_is_another(place):
    one = found(place, "report")
    (place.weights / "report/drawn.json").unlink(missing_ok=True)
    assert one.stale() == "there is no drawn.json"
    (place.weights / "report").mkdir(exist_ok=True)
    one.then()
    assert one.stale() is None
    path = place.checkpoint("lenet", "mnist").with_suffix(".json")
    path.write_text(path.read_text().replace("0.9", "0.8"))
    assert one.stale() == "drawn of other mnist/lenet.json"


@pytest.mark.parametrize("name", ["deploy files", "tables"])
def test_files_that_are_made_of_others_are_stale_where_they_would_be_made_otherwise(name, tmp_path, monkeypatch):
    (tmp_path / "deploy").mkdir()
    for file in steps.deployments.KINDS:
        shutil.copy(steps.tables.ROOT / "deploy" / file, tmp_path / "deploy")
    readme = tmp_path / "README.md"
    shutil.copy(steps.tables.ROOT / "README.md", readme)
    monkeypatch.setattr(steps.tables, "FILES", (readme,))
    one = found(Place(Path("data"), WEIGHTS, root=tmp_path), name)
    assert one.stale() is None
    for path in (readme, tmp_path / "deploy" / "serve.yaml"):
        path.write_text(path.read_text().replace("1", "2"))
    assert one.stale().startswith("other than made now: ")


def test_missing_studies_are_told_and_nothing_else_of_them(place):
    assert "make studies" in steps.missing_studies(Place(place.data, place.data))
    (place.weights / "studies").mkdir(exist_ok=True)
    (place.weights / "studies" / "depth.json").write_text("{}")
    assert steps.missing_studies(place) is None


@pytest.mark.parametrize("text", ["", "[1]", "{", '"x"'])
def test_a_damaged_record_is_none(tmp_path, text):
    (tmp_path / "one.json").write_text(text)
    assert step.read(tmp_path / "one.json") is None
    assert step.of_another(tmp_path / "one.json", "digest", "a") == "there is no one.json"


def test_many_names_are_told_in_short():
    assert step.named(["a", "b", "c"]) == "a, b, c"
    assert step.named([*"abcde"]) == "a, b, c and 2 more"
