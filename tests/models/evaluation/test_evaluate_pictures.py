"""The command on folders of pictures, on checkpoints and pictures that the tests make."""

import json
import re
import shutil

import pytest
import torch
from PIL import Image

from models import catalog, checkpoints
from models.checkpoints import file_format
from models.classifier import Classifier
from models.data.code_digest import code_digest
from models.datasets import DATASETS
from models.evaluation import evaluate, evaluate_pictures
from models.evaluation.circumstances import circumstances
from models.evaluation.measure import together
from models.intake import gate
from tests.fakes import WEIGHTS
from tests.idx import write_dataset
from tests.models.intake.test_picture import draw_seven, draw_shirt

pytest.importorskip("torchvision", reason="belongs to the extra `torch`")


@pytest.fixture(autouse=True)
def place(tmp_path, monkeypatch):
    """A folder with sets of both kinds, untrained checkpoints and small datasets, which is the current one."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(evaluate_pictures, "OF_EACH", 10)
    for number, size in enumerate([(300, 240), (200, 280), (260, 260)]):
        save(draw_seven(size, at=(40, 30)), tmp_path / "photos/drawn/7" / f"{number}.png")
        save(draw_seven(size, at=(40, 30)), tmp_path / "photos/drawn/1" / f"{number}.png")
        save(draw_shirt(size), tmp_path / "photos/clothing/0-t-shirt-top" / f"{number}.jpg")
        save(draw_shirt(size, colour=(200, 0, 0)), tmp_path / "photos/clothing/none" / f"{number}.jpg")
    for name in ("auto", "gate"):
        (tmp_path / "weights").mkdir(exist_ok=True)
        shutil.copy(WEIGHTS / f"{name}.lineup", tmp_path / "weights")
    torch.manual_seed(0)
    for dataset in DATASETS:
        write_dataset(tmp_path / "data", dataset, train=20, test=40)
        for name in ("lenet", "densenet"):
            classifier = Classifier(catalog.find(name).build(), architecture=name, dataset=dataset)
            measured = {"metrics": {"accuracy": 0.1, "n": 10 if name == "densenet" else 40}}
            checkpoints.save(checkpoints.path_for(dataset, name, tmp_path / "weights"), classifier, measured)
    return tmp_path


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def run(*arguments):
    networks = ("--model", "lenet", "--model", "densenet")
    return evaluate.main([*networks, "--weights", "weights", "--data-dir", "data", *arguments])


def test_every_set_is_measured_printed_and_recorded(place, capsys):
    before = {path: path.read_bytes() for path in (place / "weights").rglob("*") if path.is_file()}
    assert run("--pictures", "photos", "--pictures-from-test", "--record", "found.json") == 0
    found = json.loads((place / "found.json").read_text())
    assert list(found["sets"]) == ["clothing", "drawn", "mnist test", "fashion-mnist test"]
    assert set(found["gate"]) == set(gate.KINDS)
    assert {"date", "hardware", "versions"} <= found.keys()
    files = [f"{dataset}/{name}" for dataset in DATASETS for name in ("lenet", "densenet")]
    named = {name: place / f"weights/{name}.lineup" for name in ("auto", "gate", *files)}
    digests = {name: checkpoints.read_header(path)["digest"] for name, path in named.items()}
    codes = {module: code_digest(module) for module in ("models.intake.pipeline", "models.vote")}
    assert found["of"] == {**digests, **codes}
    for name, told in found["sets"].items():
        assert set(told["networks"]) == {"lenet", "densenet"}
        assert 0 <= told["vote"]["accuracy"] <= 1
        assert ("recorded" in told) == name.endswith("test")
    printed = capsys.readouterr().out
    assert all(f"{name}: " in printed for name in (*found["sets"], "gate, mnist", "gate, fashion-mnist"))
    assert before == {path: path.read_bytes() for path in (place / "weights").rglob("*") if path.is_file()}


def test_test_pictures_come_through_unchanged_and_are_those_of_the_record(place):
    assert run("--pictures-from-test", "--dataset", "mnist", "--record", "found.json") == 0
    (told,) = json.loads((place / "found.json").read_text())["sets"].values()
    assert told["unchanged"] == 1
    assert told["recorded"] == {"lenet": {"accuracy": 0.1, "n": 40}, "densenet": {"accuracy": 0.1, "n": 10}}
    assert {name: figures["n"] for name, figures in told["networks"].items()} == {"lenet": 40, "densenet": 10}
    assert told["vote"]["n"] == 10, "those that all networks have seen"


def test_the_way_through_png_gives_the_accuracy_of_the_pictures_themselves(place):
    assert run("--pictures-from-test", "--dataset", "fashion-mnist", "--record", "found.json") == 0
    (told,) = json.loads((place / "found.json").read_text())["sets"].values()
    direct = evaluate.evaluate(checkpoints.path_for("fashion-mnist", "lenet", place / "weights"), place / "data")
    assert told["networks"]["lenet"]["accuracy"] == direct["accuracy"]


def test_fewer_test_pictures_are_looked_at_if_so_told(place):
    assert run("--pictures-from-test", "--dataset", "mnist", "--test-images", "5", "--record", "found.json") == 0
    (told,) = json.loads((place / "found.json").read_text())["sets"].values()
    assert (told["n"], told["vote"]["n"]) == (5, 5)


def test_what_the_vote_got_wrong_is_drawn_and_what_was_drawn_before_goes(place):
    stale = place / "runs/pictures/drawn/9.png"
    save(Image.new("L", (3, 3)), stale)
    assert run("--pictures", "photos", "--record", "found.json") == 0
    wrong = json.loads((place / "found.json").read_text())["sets"]["drawn"]["vote"]["wrong"]
    assert wrong >= 3, "half of the sevens lie in the folder of ones"
    assert [path.name for path in stale.parent.iterdir()] == ["1.png"]
    with Image.open(stale.parent / "1.png") as sheet:
        assert sheet.mode == "RGB"


def test_many_mistakes_take_several_sheets(place, monkeypatch):
    monkeypatch.setattr(evaluate_pictures, "ON_A_SHEET", 2)
    assert run("--pictures", "photos/drawn", "--record", "found.json") == 0
    wrong = json.loads((place / "found.json").read_text())["sets"]["drawn"]["vote"]["wrong"]
    assert len(list((place / "runs/pictures/drawn").iterdir())) == -(-wrong // 2)


def test_a_set_of_no_class_is_for_the_gate_alone(place, capsys):
    save(Image.effect_noise((50, 50), 99), place / "strange/none/0.png")
    assert run("--pictures", "strange", "--dataset", "mnist") == 0
    assert "strange" not in capsys.readouterr().out


def test_a_missing_checkpoint_fails_and_nothing_is_recorded(place, capsys):
    checkpoints.path_for("mnist", "lenet", place / "weights").unlink()
    assert run("--pictures", "photos", "--record", "found.json") == 1
    printed = capsys.readouterr().out
    assert "lenet, mnist: cannot read" in printed
    assert "densenet" in printed, "the others are measured all the same"
    assert "found.json is not written: it wants the figures of every network" in printed
    assert not (place / "found.json").exists()


def test_another_network_s_checkpoint_has_no_answers_under_this_one_s_name(place, capsys):
    paths = [checkpoints.path_for(dataset, "lenet", place / "weights") for dataset in ("fashion-mnist", "mnist")]
    shutil.copy(*paths)
    assert run("--pictures", "photos/drawn", "--dataset", "mnist", "--record", "found.json") == 1
    assert (
        f"{paths[1].relative_to(place)} holds lenet for fashion-mnist, not lenet for mnist" in capsys.readouterr().out
    )
    assert not (place / "found.json").exists()
    known = evaluate_pictures.measured_of(place / "weights", [("lenet", "mnist"), ("densenet", "mnist")])
    assert {"mnist/lenet", "mnist/densenet"} & known.keys() == {"mnist/densenet"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--pictures", "weights"), "weights holds no set of pictures"),
        (("--pictures", "nowhere"), "nowhere is no folder"),
        (("--pictures", "broken"), "as a picture"),
    ],
)
def test_what_cannot_be_read_is_told(place, capsys, arguments, told):
    save(draw_seven(), place / "broken/7/0.png")
    (place / "broken/7/1.png").write_bytes(b"no picture")
    assert run(*arguments) == 1
    assert told in capsys.readouterr().out


@pytest.mark.parametrize(
    ("record", "told"),
    [("weights", "it is a folder"), ("here.txt/found.json", "here.txt: File exists")],
)
def test_a_record_that_cannot_be_written_is_told_before_anything_is_measured(place, capsys, monkeypatch, record, told):
    (place / "here.txt").write_text("a file")
    monkeypatch.setattr(evaluate_pictures, "wanted_sets", lambda options: pytest.fail("it is measured"))
    assert run("--pictures", "photos", "--record", record) == 1
    assert capsys.readouterr().out.startswith(f"--record {record} cannot be written ({told}")


def test_what_is_measured_is_recorded_though_it_cannot_be_drawn(place, capsys):
    (place / "runs").write_text("a file")
    assert run("--pictures", "photos/drawn", "--record", "deep/found.json") == 1
    assert "drawn" in json.loads((place / "deep/found.json").read_text())["sets"]
    assert capsys.readouterr().out.endswith(
        "runs/pictures/drawn: Not a directory; once that is mended, evaluate it again\n"
    )


OF_PICTURES = "--pictures or --pictures-from-test"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--record", "found.json"), f"--record found.json goes with {OF_PICTURES}, and neither is given"),
        (("--forms", "--record", "found.json"), f"--record found.json goes with {OF_PICTURES}, not with --forms"),
        (("--robustness", "--record", "a.json"), f"--record a.json goes with {OF_PICTURES}, not with --robustness"),
        (("--mistakes", "--record", "a.json"), f"--record a.json goes with {OF_PICTURES}, not with --mistakes"),
        (("--backend", "int8", "--record", "a.json"), f"--record a.json goes with {OF_PICTURES}, not with --backend"),
        (("--forms", "--pictures", "photos"), f"--forms measures the test set .* does not go with {OF_PICTURES}"),
        (("--mistakes", "--pictures-from-test", "--record", "a.json"), f"--mistakes .* does not go with {OF_PICTURES}"),
        (("--mistakes", "--test-images", "9"), "--test-images 9 does not go with --mistakes"),
        (("--pictures", "photos", "--test-images", "9"), "--test-images 9 goes with --pictures-from-test"),
        (("--forms", "--held-out-images", "9"), "--held-out-images 9 does not go with --forms"),
        (("--pictures-from-test", "--held-out-images", "9"), f"--held-out-images 9 does not go with {OF_PICTURES}"),
    ],
)
def test_what_would_be_passed_over_in_silence_is_refused(place, capsys, arguments, told):
    before = sorted(place.rglob("*"))
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert re.search(told, capsys.readouterr().err)
    assert sorted(place.rglob("*")) == before


def test_the_processor_is_named():
    assert circumstances(torch.device("cpu"))["hardware"]["intake"]


def test_the_vote_is_by_what_checkpoints_say_of_held_out_pictures(place, monkeypatch):
    weighed = []
    monkeypatch.setattr(
        evaluate_pictures.measure, "together", lambda *given: weighed.append(given[1]) or together(*given)
    )
    path = checkpoints.path_for("mnist", "lenet", place / "weights")
    file_format.amend(path, {"metrics": {"accuracy": 0.1, "n": 40, "held_out_accuracy": 0.9, "held_out_n": 98}})
    assert run("--pictures", "photos/drawn", "--dataset", "mnist") == 0
    assert weighed == [[pytest.approx(100 / 10.8), None]] * 2


@pytest.mark.parametrize("name", ["auto", "gate"])
def test_auto_and_gate_are_those_of_the_folder_that_is_measured(place, capsys, name):
    (place / "weights" / f"{name}.lineup").unlink()
    assert run("--pictures", "photos") == 1
    assert f"cannot read weights/{name}.lineup" in capsys.readouterr().out
