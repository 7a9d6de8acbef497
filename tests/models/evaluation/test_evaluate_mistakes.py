"""Where a network was wrong, and its reliability, go into the report of the same checkpoint, and only where all else is
as recorded.
"""

import json

import pytest
import torch

from models import catalog, checkpoints
from models.checkpoints import atomic, reports
from models.classifier import Classifier
from models.data.splits import load_split
from models.evaluation import evaluate, evaluate_mistakes
from models.evaluation.evaluate_mistakes import NotTheSame
from models.evaluation.logits import compute_logits
from tests.idx import write_dataset


@pytest.fixture
def data_dir(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # away from scenes that may lie in the folder from which the tests are run
    write_dataset(tmp_path / "data", "mnist", train=200, test=50)
    return tmp_path / "data"


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    classifier = Classifier(catalog.ARCHITECTURES["lenet"].build(), architecture="lenet", dataset="mnist")
    path = checkpoints.path_for("mnist", "lenet", tmp_path / "weights")
    checkpoints.save(path, classifier, {})
    return path


def answers(path, data_dir):
    pictures, labels = load_split("mnist", "test", data_dir)
    return compute_logits(checkpoints.load(path), pictures).argmax(1).tolist(), labels.tolist()


def test_an_evaluation_tells_every_mistake_by_its_place_and_the_answer(path, data_dir):
    report = evaluate.evaluate(path, data_dir)
    said, labels = answers(path, data_dir)
    wanted = [[place, said[place]] for place in range(50) if said[place] != labels[place]]
    assert report["mistakes"] == wanted
    assert len(wanted) == 50 - sum(row[i] for i, row in enumerate(report["confusion"])) > 0


def test_of_some_pictures_the_places_are_those_in_the_whole_set(path, data_dir):
    said, labels = answers(path, data_dir)
    report = evaluate.evaluate(path, data_dir, test_images=10)
    assert report["mistakes"] == [[place, said[place]] for place in range(0, 50, 5) if said[place] != labels[place]]


@pytest.fixture
def without(path, data_dir):
    """The report of an evaluation, of which the file has neither of them yet."""
    report = evaluate.evaluate(path, data_dir, test_images=20)
    told = {key: value for key, value in report.items() if key not in ("mistakes", "reliability")}
    atomic.write_json(reports.path_for(path), told)
    return report


def test_they_are_added_to_a_report_and_nothing_else_changes(path, data_dir, without, capsys):
    before = path.read_bytes()
    options = ["--model", "lenet", "--dataset", "mnist", "--data-dir", str(data_dir)]
    assert evaluate.main(["--mistakes", *options, "--weights", str(path.parents[1])]) == 0
    assert json.loads(reports.path_for(path).read_text()) == without
    assert sum(without["reliability"]["n"]) == 20
    assert path.read_bytes() == before
    assert f"lenet, mnist: {len(without['mistakes'])} mistakes" in capsys.readouterr().out


def test_the_pictures_are_looked_for_where_the_service_does(path, data_dir, without, monkeypatch):
    monkeypatch.setenv("LINEUP_DATA_DIR", str(data_dir.rename(data_dir.with_name("elsewhere"))))
    options = ["--model", "lenet", "--dataset", "mnist", "--weights", str(path.parents[1])]
    assert evaluate.main(["--mistakes", *options]) == 0
    assert json.loads(reports.path_for(path).read_text()) == without


def test_where_an_answer_is_another_one_nothing_is_written(path, data_dir, without):
    said = without["mistakes"][0][1]
    without["confusion"][0][said] += 1
    without["confusion"][0][(said + 1) % 10] -= 1
    atomic.write_json(reports.path_for(path), without)
    before = reports.path_for(path).read_bytes()
    with pytest.raises(NotTheSame, match=rf"answers {said} of class 0 are \d+.*; nothing was written"):
        evaluate_mistakes.record(path, data_dir)
    assert reports.path_for(path).read_bytes() == before


def test_a_report_that_came_with_another_checkpoint_meanwhile_stays(path, data_dir, without, monkeypatch):
    def meanwhile(*arguments, **more):
        checkpoints.file_format.amend(path, {"created": "by a training that ended"})
        reports.path_for(path).write_text("its report")
        return compute_logits(*arguments, **more)

    monkeypatch.setattr(evaluate_mistakes, "compute_logits", meanwhile)
    with pytest.raises(checkpoints.CheckpointError, match=r"lenet\.lineup was replaced while it was measured"):
        evaluate_mistakes.record(path, data_dir)
    assert reports.path_for(path).read_text() == "its report"


def test_without_a_report_of_this_file_it_says_what_makes_one(path, data_dir, capsys):
    options = ["--model", "lenet", "--dataset", "mnist", "--data-dir", str(data_dir)]
    assert evaluate.main(["--mistakes", *options, "--weights", str(path.parents[1])]) == 1
    assert "lenet.json is not there, or not of this checkpoint; evaluate it" in capsys.readouterr().out


def test_a_second_evaluation_keeps_the_learning_curve_and_one_of_another_file_has_none(path, data_dir):
    curve = {"pictures": [1, 2]}
    evaluate.evaluate(path, data_dir, test_images=5, history=curve)
    assert evaluate.evaluate(path, data_dir, test_images=10)["history"] == curve
    checkpoints.save(path, checkpoints.load(path), {"recipe": {"seed": 7}})
    assert "history" not in evaluate.evaluate(path, data_dir, test_images=10)
