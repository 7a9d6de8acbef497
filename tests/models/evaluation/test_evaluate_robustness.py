"""What is recorded of robustness is what a loop by hand finds, and holds for one checkpoint alone."""

import json

import pytest
import torch

from models import checkpoints
from models.checkpoints import atomic, file_format, reports
from models.data.splits import load_split
from models.evaluation import evaluate, evaluate_robustness
from models.evaluation.corruptions import CORRUPTIONS
from tests import untrained
from tests.idx import write_dataset


@pytest.fixture
def data_dir(tmp_path):
    write_dataset(tmp_path / "data", "mnist", train=20, test=60)
    return tmp_path / "data"


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    """A network that tells bars from each other, so that spoiling them costs it something."""
    path = checkpoints.path_for("mnist", "lenet", folder := tmp_path_factory.mktemp("learned"))
    classifier = untrained.classifier("lenet")
    pictures, labels = _bars(folder)
    optimiser = torch.optim.Adam(classifier.parameters(), 0.01)
    for _ in range(60):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(classifier(pictures), labels).backward()
        optimiser.step()
    checkpoints.save(path, classifier, {})
    return path


@pytest.fixture
def path(tmp_path, learned):
    """A copy of it, to be measured."""
    path = checkpoints.path_for("mnist", "lenet", tmp_path / "weights")
    atomic.copy(learned, path)
    return path


def _bars(folder):
    write_dataset(folder / "data", "mnist", train=100, test=10)
    return load_split("mnist", "train", folder / "data")


def recorded(path):
    return json.loads(reports.path_for(path, reports.ROBUSTNESS).read_text())


@torch.inference_mode()
def by_hand(path, data_dir, places):
    """Accuracy by corruption, one picture at a time, by the checkpoint itself."""
    classifier = checkpoints.load(path)
    pictures, labels = load_split("mnist", "test", data_dir)
    pictures, labels = pictures[places], labels[places]
    told = {}
    for name, spoiled in CORRUPTIONS.items():
        told[name] = []
        for strength in spoiled.strengths:
            shown = torch.from_numpy(spoiled.apply(pictures.numpy(), strength))
            right = sum(int(classifier(shown[k : k + 1]).argmax()) == int(labels[k]) for k in range(len(labels)))
            told[name].append(round(right / len(labels), 6))
    return told


@pytest.mark.parametrize("threads", [1, 3])
def test_the_record_is_what_a_loop_by_hand_finds(path, data_dir, threads):
    before = path.read_bytes()
    told = evaluate_robustness.measure(path, data_dir, 40, threads)
    assert path.read_bytes() == before
    assert recorded(path) == json.loads(json.dumps(told))
    assert (told["n"], told["form"]) == (40, "float32")
    assert {name: one["accuracy"] for name, one in told["corruptions"].items()} == by_hand(
        path, data_dir, [k * 60 // 40 for k in range(40)]
    )
    assert told["clean"] > 0.9
    assert min(told["corruptions"]["rotated"]["accuracy"]) < told["clean"]
    for name, one in told["corruptions"].items():
        assert one["strengths"] == [*CORRUPTIONS[name].strengths]
        assert one["unit"] == CORRUPTIONS[name].unit
    assert told["versions"].keys() == {"onnxruntime", "numpy", "scipy"}


def test_it_is_of_one_checkpoint_alone(path, data_dir):
    evaluate_robustness.measure(path, data_dir, 10)
    digest = checkpoints.read_header(path)["digest"]
    assert reports.of(path, digest, reports.ROBUSTNESS) == recorded(path)
    assert reports.of(path, digest) is None, "it is no report"
    file_format.amend(path, {"note": "another digest"})
    assert reports.of(path, checkpoints.read_header(path)["digest"], reports.ROBUSTNESS) is None


def interrupted(monkeypatch, path, data_dir, at, count=20):
    """A run that Ctrl+C ends in its so-manieth look at the pictures; the first is at them as they are."""
    asked = evaluate_robustness.accuracy
    left = iter(range(1, at))

    def until(*arguments):
        if next(left, None) is None:
            raise KeyboardInterrupt
        return asked(*arguments)

    monkeypatch.setattr(evaluate_robustness, "accuracy", until)
    with pytest.raises(KeyboardInterrupt):
        evaluate_robustness.measure(path, data_dir, count)
    monkeypatch.setattr(evaluate_robustness, "accuracy", asked)


def looks(monkeypatch):
    """The notes of every look from now on."""
    asked, notes = evaluate_robustness.accuracy, []

    def noted(*arguments):
        notes.append(arguments[-1].partition(": ")[2].partition(",")[0])
        return asked(*arguments)

    monkeypatch.setattr(evaluate_robustness, "accuracy", noted)
    return notes


def test_an_interrupted_run_goes_on_and_ends_as_it_would_have(path, data_dir, monkeypatch):
    whole = evaluate_robustness.measure(path, data_dir, 20)
    reports.path_for(path, reports.ROBUSTNESS).unlink()
    interrupted(monkeypatch, path, data_dir, at=9)  # in the second corruption
    assert [*recorded(path)["corruptions"]] == ["rotated"]
    notes = looks(monkeypatch)
    assert evaluate_robustness.measure(path, data_dir, 20) == whole
    assert set(notes) == {*CORRUPTIONS} - {"rotated"}


def test_the_record_of_a_checkpoint_that_took_its_place_meanwhile_stays(path, data_dir, monkeypatch):
    asked = evaluate_robustness.accuracy

    def meanwhile(*arguments):
        file_format.amend(path, {"created": "by a training that ended"})
        reports.path_for(path, reports.ROBUSTNESS).write_text("its record")
        return asked(*arguments)

    monkeypatch.setattr(evaluate_robustness, "accuracy", meanwhile)
    with pytest.raises(checkpoints.CheckpointError, match=r"lenet\.lineup was replaced while it was measured"):
        evaluate_robustness.measure(path, data_dir, 10)
    assert reports.path_for(path, reports.ROBUSTNESS).read_text() == "its record"


@pytest.mark.parametrize("change", ["count", "checkpoint", "versions", "strengths"])
def test_what_an_interrupted_run_left_under_other_circumstances_does_not_count(path, data_dir, monkeypatch, change):
    interrupted(monkeypatch, path, data_dir, at=9)
    if change == "checkpoint":
        file_format.amend(path, {"note": "another digest"})
    left = recorded(path)
    if change == "versions":
        left["versions"]["scipy"] = "0.1"
    if change == "strengths":
        left["corruptions"]["rotated"]["strengths"][0] = 11
    reports.path_for(path, reports.ROBUSTNESS).write_text(json.dumps(left))
    notes = looks(monkeypatch)
    evaluate_robustness.measure(path, data_dir, 19 if change == "count" else 20)
    assert "rotated" in notes


def test_a_whole_record_is_measured_anew(path, data_dir, monkeypatch):
    evaluate_robustness.measure(path, data_dir, 20)
    notes = looks(monkeypatch)
    evaluate_robustness.measure(path, data_dir, 20)
    assert len(notes) == 1 + 5 * 5


def test_the_command_records_and_tells(path, data_dir, capsys):
    places = ["--weights", str(path.parents[1]), "--data-dir", str(data_dir), "--dataset", "mnist"]
    asked = ["--robustness", "--model", "lenet", "--model", "nin", "--test-images", "10", "--threads", "1"]
    assert evaluate.main([*asked, *places]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"lenet, mnist: {recorded(path)['clean']:.2%} of 10 in float32; rotated ")
    assert "inverted" in lines[0]
    assert lines[1].startswith("nin, mnist: cannot read")


def test_without_a_number_two_thousand_are_looked_at(path, tmp_path):
    assert evaluate_robustness.TEST_IMAGES == 2_000
    write_dataset(tmp_path / "many", "mnist", train=1, test=2_010)
    told = evaluate_robustness.measure(path, tmp_path / "many")
    assert told["n"] == 2_000
