"""Evaluation measures the file as it was saved, and writes what it found beside it and into it."""

import json
from pathlib import Path

import pytest
import torch

from models import catalog, checkpoints
from models.checkpoints import reports
from models.classifier import Classifier
from models.data import scene_sets
from models.data.pictures import evenly
from models.data.scene_sets import SceneSet
from models.evaluation import evaluate
from models.evaluation.logits import compute_logits
from tests import untrained
from tests.idx import write_dataset


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """No scenes that lie in the folder from which the tests are run."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data_dir(tmp_path):
    for name in ("mnist", "fashion-mnist"):
        write_dataset(tmp_path / "data", name, train=200, test=50)
    return tmp_path / "data"


@pytest.fixture
def path(tmp_path):
    torch.manual_seed(0)
    classifier = Classifier(catalog.ARCHITECTURES["lenet"].build(), architecture="lenet", dataset="fashion-mnist")
    path = checkpoints.path_for("fashion-mnist", "lenet", tmp_path / "weights")
    checkpoints.save(path, classifier, {"recipe": {"seed": 0}})
    return path


def test_the_report_is_written_beside_the_checkpoint_and_the_figures_into_it(path, data_dir):
    before = checkpoints.load(path)
    report = evaluate.evaluate(path, data_dir)
    after = checkpoints.load(path)
    assert json.loads(path.with_suffix(".json").read_text()) == report
    assert report["digest"] == after.metadata["digest"]
    assert after.metadata["metrics"]["accuracy"] == report["accuracy"]
    assert after.temperature == report["temperature"]
    assert after.metadata["recipe"] == {"seed": 0}
    assert sum(map(sum, report["confusion"])) == report["n"] == 50
    for name, tensor in before.network.state_dict().items():
        assert torch.equal(tensor, after.network.state_dict()[name])


def test_what_is_known_of_pictures_as_sent_stays_where_there_are_no_scenes(path, data_dir, tmp_path):
    pytest.importorskip("safetensors", reason="belongs to the extra `torch`")
    pictures = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8)
    held = SceneSet(pictures, torch.eye(10).bool()[torch.arange(40) % 10])
    scene_sets.save(tmp_path / "scenes", "fashion-mnist", {"held": held}, {})
    sent = evaluate.evaluate(path, data_dir, scenes=tmp_path / "scenes")["sent"]
    before = checkpoints.read_header(path)
    assert evaluate.evaluate(path, data_dir, scenes=tmp_path / "none", test_images=20)["sent"] == sent
    after = checkpoints.read_header(path)
    assert after["metrics"]["n"] == 20
    assert after["temperature_sent"] == before["temperature_sent"]
    told = {key: value for key, value in before["metrics"].items() if key.startswith("sent_")}
    assert told.items() <= after["metrics"].items()
    assert told["sent_n"] == 40
    path.with_suffix(".json").unlink()
    evaluate.evaluate(path, data_dir, scenes=tmp_path / "none")
    assert told.items() <= checkpoints.read_header(path)["metrics"].items()


def test_figures_of_pictures_as_sent_tell_of_which_scenes_they_are(path, data_dir, tmp_path):
    pytest.importorskip("safetensors", reason="belongs to the extra `torch`")

    def found(pictures, allowed):
        scene_sets.save(tmp_path / "scenes", "fashion-mnist", {"held": SceneSet(pictures, allowed)}, {})
        how = {"device": "cpu", "held_out_images": None, "scenes": tmp_path / "scenes"}
        told = evaluate.compared(path, data_dir, **how)
        report = evaluate.evaluate(path, data_dir, scenes=tmp_path / "scenes")
        assert told.items() <= checkpoints.read_header(path)["metrics"].items()
        assert told["sent_of"] == report["sent"]["of"]
        return told

    pictures, right = torch.randint(0, 256, (40, 28, 28), dtype=torch.uint8), torch.arange(40) % 10
    told = found(pictures, torch.eye(10).bool()[right])
    assert found(pictures.clone(), torch.eye(10).bool()[right]) == told
    others = [found(255 - pictures, torch.eye(10).bool()[right]), found(pictures, torch.eye(10).bool()[9 - right])]
    assert {one["sent_n"] for one in (told, *others)} == {40}
    assert len({one["sent_of"] for one in (told, *others)}) == 3


def test_an_older_report_of_pictures_as_sent_stays_though_it_does_not_tell_of_which(path, data_dir, tmp_path):
    pytest.importorskip("safetensors", reason="belongs to the extra `torch`")
    held = SceneSet(torch.zeros(40, 28, 28, dtype=torch.uint8), torch.eye(10).bool()[torch.arange(40) % 10])
    scene_sets.save(tmp_path / "scenes", "fashion-mnist", {"held": held}, {})
    report = evaluate.evaluate(path, data_dir, scenes=tmp_path / "scenes")
    del report["sent"]["of"]
    path.with_suffix(".json").write_text(json.dumps(report))
    assert evaluate.evaluate(path, data_dir, scenes=tmp_path / "none")["sent"] == report["sent"]
    assert checkpoints.read_header(path)["metrics"]["sent_n"] == 40
    assert "sent_of" not in checkpoints.read_header(path)["metrics"]


CURVE = {"epoch": [1], "held_out_accuracy": [0.5], "held_out_n": [24]}


@pytest.mark.parametrize("stopped", ["write_json", "amend"])
def test_the_curve_survives_an_evaluation_that_could_not_write_all(path, data_dir, monkeypatch, stopped):
    evaluate.evaluate(path, data_dir, history=CURVE)

    def full(place, *what):
        if Path(place).parent == path.parent:
            raise OSError(28, "No space left on device")
        return amend(place, *what)

    amend = checkpoints.file_format.amend
    module = evaluate.atomic if stopped == "write_json" else evaluate.file_format
    with monkeypatch.context() as patch:
        patch.setattr(module, stopped, full)
        with pytest.raises(OSError, match="No space left"):
            evaluate.evaluate(path, data_dir, test_images=20)
    report = evaluate.evaluate(path, data_dir, test_images=30)
    assert report["history"] == CURVE
    assert report["n"] == checkpoints.read_header(path)["metrics"]["n"] == 30
    assert report["digest"] == checkpoints.read_header(path)["digest"]


def test_a_report_whose_figures_did_not_get_into_the_file_is_not_one_of_it(path, data_dir, monkeypatch):
    before = checkpoints.read_header(path)["digest"]
    amend = checkpoints.file_format.amend
    monkeypatch.setattr(evaluate.file_format, "amend", lambda place, what: "0" * 64)
    told = evaluate.evaluate(path, data_dir, history=CURVE)
    assert told["digest_before"] == before == checkpoints.read_header(path)["digest"]
    assert reports.of(path, before) is None, "figures of it count as old, so that it is evaluated again"
    amend(path, {"created": "by a training that ended"})
    monkeypatch.undo()
    assert "history" not in evaluate.evaluate(path, data_dir, scenes=path.parent), "it is of another file"


@pytest.mark.parametrize("text", ["", "[1]", "{", '{"digest": 1}'])
def test_a_damaged_report_is_made_anew(path, data_dir, text):
    path.with_suffix(".json").write_text(text)
    assert "history" not in evaluate.evaluate(path, data_dir)


def test_fewer_pictures_are_told_and_evenly_spread():
    pictures, labels = torch.arange(100), torch.arange(100)
    assert evenly(pictures, labels, 4)[1].tolist() == [0, 25, 50, 75]
    assert len(evenly(pictures, labels, None)[0]) == len(evenly(pictures, labels, 500)[0]) == 100


def test_the_command_measures_what_is_there_and_fails_for_what_is_not(path, data_dir, tmp_path, capsys):
    places = ["--data-dir", str(data_dir), "--weights", str(tmp_path / "weights"), "--dataset", "fashion-mnist"]
    assert evaluate.main(["--model", "lenet", "--test-images", "20", *places]) == 0
    assert "of 20" in capsys.readouterr().out
    assert evaluate.main(["--model", "lenet", "--model", "nin", *places]) == 1
    assert "nin, fashion-mnist: cannot read" in capsys.readouterr().out


def test_what_cannot_be_written_is_told_and_the_next_network_is_measured(path, data_dir, tmp_path, monkeypatch, capsys):
    checkpoints.save(path.with_name("lenet-bn.lineup"), untrained.classifier("lenet-bn", "fashion-mnist"), {})
    write = evaluate.atomic.write_json

    def full(place, value):
        if Path(place).stem == "lenet":
            raise OSError(28, "No space left on device", str(place))
        write(place, value)

    monkeypatch.setattr(evaluate.atomic, "write_json", full)
    places = ["--data-dir", str(data_dir), "--weights", str(tmp_path / "weights"), "--dataset", "fashion-mnist"]
    assert evaluate.main(["--model", "lenet", "--model", "lenet-bn", *places]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f"lenet, fashion-mnist: {path.with_suffix('.json')}: No space left on device; once ")
    assert lines[1].startswith("lenet-bn, fashion-mnist: ")
    assert " of 50, ECE " in lines[1]


@pytest.mark.parametrize("batch_size", [1, 7, 100])
def test_logits_do_not_depend_on_the_batch(path, batch_size):
    classifier = checkpoints.load(path)
    pictures = torch.randint(0, 256, (20, 28, 28), dtype=torch.uint8)
    together = compute_logits(classifier, pictures, batch_size=20)
    assert torch.allclose(compute_logits(classifier, pictures, batch_size=batch_size), together, atol=1e-5)


@pytest.mark.parametrize("arguments", [(), ("--pictures", "nowhere")])
def test_what_is_measured_on_a_gpu_is_plain_float32(path, data_dir, arguments):
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = True
    evaluate.main(["--model", "lenet", "--data-dir", str(data_dir), "--weights", str(path.parents[1]), *arguments])
    assert not torch.backends.cudnn.allow_tf32
    assert not torch.backends.cuda.matmul.allow_tf32


def test_a_folder_that_is_not_there_is_told(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "gone"))
    assert evaluate.main(["--model", "lenet"]) == 1
    assert f"LINEUP_WEIGHTS or --weights is '{tmp_path / 'gone'}'" in capsys.readouterr().out


def test_a_device_that_is_not_there_is_told(capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as stopped:
        evaluate.main(["--model", "lenet", "--device", "cuda:7"])
    assert stopped.value.code == 2
    assert "the device is 'cuda:7', but PyTorch finds no GPU here" in capsys.readouterr().err


def test_figures_do_not_go_into_a_checkpoint_that_took_the_place_of_the_measured_one(path, data_dir, monkeypatch):
    measured = evaluate.compute_logits

    def meanwhile(*arguments, **more):
        checkpoints.file_format.amend(path, {"created": "by a training that ended"})
        return measured(*arguments, **more)

    monkeypatch.setattr(evaluate, "compute_logits", meanwhile)
    with pytest.raises(checkpoints.CheckpointError, match=r"lenet\.lineup was replaced while it was measured"):
        evaluate.evaluate(path, data_dir)
    assert "metrics" not in checkpoints.read_header(path)
    assert not path.with_suffix(".json").exists()
