"""Forms are measured on the test set and recorded beside the checkpoint; one alone is measured and nothing written."""

import json

import numpy as np
import pytest
import torch

from models import checkpoints
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import calibration, compiler, forms, making, record
from models.data.splits import load_split
from models.evaluation import evaluate, evaluate_forms
from tests import untrained
from tests.idx import write_dataset


@pytest.fixture
def data_dir(tmp_path):
    write_dataset(tmp_path / "data", "mnist", train=60, test=40)
    return tmp_path / "data"


@pytest.fixture
def path(tmp_path):
    return untrained.write(tmp_path / "weights", "lenet")


@pytest.fixture
def command(path, data_dir):
    """Runs `lineup evaluate` for networks on MNIST."""

    def run(*arguments: str, model: str = "lenet") -> int:
        places = ["--weights", str(path.parents[1]), "--data-dir", str(data_dir), "--dataset", "mnist"]
        return evaluate.main(["--model", model, *places, *arguments])

    return run


def contents(path):
    return {file: file.read_bytes() for file in path.parents[1].rglob("*") if file.is_file()}


def test_ranges_and_forms_are_recorded_beside_the_checkpoint(path, data_dir):
    before = path.read_bytes()
    told = evaluate_forms.forms(path, data_dir)
    assert path.read_bytes() == before
    assert json.loads(record.path_for(path).read_text()) == json.loads(json.dumps(told))
    digest = checkpoints.read_header(path)["digest"]
    assert told["checkpoint"] == digest
    assert list(told["measured"]) == ["float32", "int8", "int8-narrow"]
    assert told["measured"]["float32"].keys() == {"accuracy", "n", "ece", "nll"}
    assert {figures["n"] for figures in told["measured"].values()} == {40}
    found = record.read(path, digest)
    assert list(found.allowed) == told["allowed"]
    assert found.ranges == told["ranges"], "what is measured is what is read"


def test_float32_has_the_accuracy_of_the_checkpoint(path, data_dir):
    pictures, labels = load_split("mnist", "test", data_dir)
    answers = checkpoints.load(path).probabilities(pictures).argmax(1)
    told = evaluate_forms.forms(path, data_dir)
    assert told["measured"]["float32"]["accuracy"] == round(float((answers == labels).double().mean()), 6)


def test_what_is_recorded_is_what_may_run(path, data_dir, tmp_path, monkeypatch):
    told = evaluate_forms.forms(path, data_dir)
    told["allowed"] = ["float32", "int8"]
    record.path_for(path).write_text(json.dumps(told))
    times = [2.0, 1.0]
    monkeypatch.setattr(compiler, "_seconds", lambda runner: times.pop(0))
    runner, made = compiler.load(untrained.read(path), tmp_path / "cache", "x86_64 avx512_vnni")
    assert made.header["form"] == "int8"
    pictures = load_split("mnist", "test", data_dir)[0]
    exact = checkpoints.load(path).probabilities(pictures).numpy()
    np.testing.assert_allclose(runner.probabilities(pictures.numpy()), exact, atol=0.05)


@pytest.mark.parametrize("name", ["lenet", "resnet18"])
def test_integers_that_overflow_without_vnni_are_measured_as_with_it(monkeypatch, name):
    """Of checkpoints that learned: their large weights are what overflows."""
    source = described(file_format.open_file(checkpoints.path_for("fashion-mnist", name)))
    made = making.classifier(source)
    pictures = np.random.default_rng(0).integers(0, 256, (24, 28, 28), np.uint8)
    ranges = calibration.ranges(made, pictures)
    exact = evaluate_forms.runner_of(source, made, "float32", ranges).logits(pictures)
    monkeypatch.setattr(forms, "instruction_set", lambda: "x86_64 avx2")
    got = evaluate_forms.runner_of(source, made, "int8", ranges).logits(pictures)
    assert np.abs(got - exact).max() < 0.2 * exact.std()


@pytest.mark.parametrize(
    ("accuracy", "ece", "is_allowed"),
    [
        (0.95, 0.010, True),
        (0.96, 0.001, True),
        (0.949, 0.012, True),
        (0.9489, 0.010, False),
        (0.95, 0.0121, False),
        (0.99, 0.0121, False),
        (0.90, 0.001, False),
    ],
)
def test_a_form_may_run_if_it_is_as_right_and_as_calibrated(accuracy, ece, is_allowed):
    reference = {"accuracy": 0.95, "ece": 0.010}
    assert evaluate_forms.allowed({"accuracy": accuracy, "ece": ece}, reference) is is_allowed


def test_both_bounds_decide_what_is_recorded(path, data_dir, monkeypatch):
    figures = {
        "float32": {"accuracy": 0.9, "n": 1, "ece": 0.01, "nll": 0.0},
        "int8": {"accuracy": 0.8995, "n": 1, "ece": 0.02, "nll": 0.0},
        "int8-narrow": {"accuracy": 0.8995, "n": 1, "ece": 0.0115, "nll": 0.0},
    }
    monkeypatch.setattr(evaluate_forms, "measure", lambda runner, source, test, form, threads: figures[form])
    assert evaluate_forms.forms(path, data_dir)["allowed"] == ["float32", "int8-narrow"]
    assert record.read(path, checkpoints.read_header(path)["digest"]).allowed == ("float32", "int8-narrow")


def test_the_command_records_and_one_form_alone_writes_nothing(path, command, capsys):
    assert command("--forms", "--test-images", "20") == 0
    told = capsys.readouterr().out
    assert told.startswith("lenet, mnist: float32 ")
    assert "of 20, ECE" in told
    assert "allowed: float32" in told
    before = contents(path)
    for form in ("float32", "int8", "int8-narrow"):
        assert command("--backend", form) == 0
        assert f"lenet, mnist: {form} " in capsys.readouterr().out
    assert contents(path) == before


def test_what_one_form_gives_is_what_was_recorded(path, data_dir, command, capsys):
    told = evaluate_forms.forms(path, data_dir)
    assert command("--backend", "int8") == 0
    figures = told["measured"]["int8"]
    assert f"int8 {figures['accuracy']:.2%} of 40, ECE {figures['ece']:.2%}\n" in capsys.readouterr().out


def test_int8_without_its_ranges_says_what_measures_them(path, command, capsys):
    assert command("--backend", "float32") == 0
    assert command("--backend", "int8") == 1
    told = capsys.readouterr().out.splitlines()[-1]
    assert "int8 wants the range of " in told
    assert "lenet.forms.json does not tell; lineup evaluate --forms measures it" in told
    assert command("--forms") == 0
    file_format.amend(path, {"note": "another digest"})
    assert command("--backend", "int8") == 1


def test_what_cannot_be_measured_is_told_and_the_rest_is(path, command, data_dir, capsys):
    assert command("--forms", "--model", "nin") == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("lenet, mnist: float32")
    assert lines[1].startswith("nin, mnist: cannot read")
    path.write_bytes(b"junk")
    for arguments in (["--forms"], ["--backend", "int8"]):
        assert command(*arguments) == 1
        assert "is not a Lineup checkpoint" in capsys.readouterr().out


def test_data_that_is_damaged_is_told(command, path, data_dir, capsys):
    for file in (data_dir / "MNIST" / "raw").iterdir():
        file.write_bytes(b"junk")
    assert command("--forms") == 1
    assert "cannot load MNIST" in capsys.readouterr().out
    assert not record.path_for(path).exists()


def test_the_record_of_a_checkpoint_that_took_its_place_meanwhile_stays(path, data_dir, monkeypatch):
    def meanwhile(*arguments):
        file_format.amend(path, {"created": "by a training that ended"})
        record.path_for(path).write_text("its record")
        return measured(*arguments)

    measured = evaluate_forms.measure
    monkeypatch.setattr(evaluate_forms, "measure", meanwhile)
    with pytest.raises(checkpoints.CheckpointError, match=r"lenet\.lineup was replaced while it was measured"):
        evaluate_forms.forms(path, data_dir)
    assert record.path_for(path).read_text() == "its record"


@pytest.mark.parametrize(("arguments", "wanted"), [(["--threads", "3"], [3, 3, 3, 3]), ([], [0, None, None, None])])
def test_so_many_threads_compute_as_are_asked_for(command, monkeypatch, arguments, wanted):
    """Ranges, then each form."""
    ranges, run, asked = calibration.ranges, evaluate_forms.run_logits, []
    monkeypatch.setattr(calibration, "ranges", lambda *given: asked.append(given[-1]) or ranges(*given))
    monkeypatch.setattr(evaluate_forms, "run_logits", lambda *given: asked.append(given[-1]) or run(*given))
    before = torch.get_num_threads()
    try:
        assert command("--forms", "--test-images", "10", *arguments) == 0
        assert command("--backend", "int8", "--test-images", "10", *arguments) == 0
    finally:
        torch.set_num_threads(before)
    assert asked == [*wanted, wanted[-1]]


@pytest.mark.parametrize("arguments", [["--backend", "int4"], ["--forms", "--backend", "int8"]])
def test_wrong_usage_is_refused(arguments, command, capsys):
    with pytest.raises(SystemExit) as stopped:
        command(*arguments)
    assert stopped.value.code == 2
    assert "--backend" in capsys.readouterr().err


def test_a_network_that_learned_keeps_its_answers_in_int8(path, data_dir):
    """Bars are quickly learned; what is measured then is more than chance."""
    classifier = untrained.classifier("lenet-bn")
    pictures, labels = load_split("mnist", "train", data_dir)
    optimiser = torch.optim.Adam(classifier.parameters(), 0.01)
    classifier.train()
    for _ in range(40):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(classifier(pictures), labels).backward()
        optimiser.step()
    learned = checkpoints.path_for("mnist", "lenet-bn", path.parents[1])
    checkpoints.save(learned, classifier.eval(), {})
    told = evaluate_forms.forms(learned, data_dir)
    assert told["measured"]["float32"]["accuracy"] > 0.8
    assert told["measured"]["int8"]["accuracy"] >= told["measured"]["float32"]["accuracy"] - 0.05
