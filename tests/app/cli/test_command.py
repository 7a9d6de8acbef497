"""The command line as its users type it, on checkpoints that the tests make."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import local, main
from models import catalog
from models.datasets import DATASETS
from tests.models.intake.test_picture import draw_seven

ROOT = Path(__file__).resolve().parents[3]


def test_predict_shows_the_likeliest_classes(weights, folder, capsys):
    assert main(["predict", str(folder / "seven.png"), "--model", "lenet", "--dataset", "mnist", "--top-k", "4"]) == 0
    shown = capsys.readouterr().out
    assert "seven.png by lenet" in shown
    assert shown.count("%") == 4


def test_predict_as_json_is_what_the_service_answers(weights, folder, capsys):
    assert main(["predict", str(folder), "--model", "lenet", "--json"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["picture"].rsplit("/", 1)[1] for line in lines] == ["shirt.jpg", "seven.png"]
    for line in lines:
        assert line["model"] == "lenet"
        assert line["dataset"] in DATASETS
        assert 0.5 <= line["dataset_confidence"] <= 1
        assert line["confidence"] == line["predictions"][0]["probability"]


def test_compare_shows_every_network_and_names_those_without_a_checkpoint(weights, folder, capsys):
    assert main(["compare", str(folder / "seven.png"), "--dataset", "mnist"]) == 0
    shown, there = capsys.readouterr().out, ["lenet", "densenet"]
    unfolded = " ".join(shown.replace("│", " ").split())
    for known in catalog.ARCHITECTURES.values():
        assert re.search(rf"{known.title} +│ {known.year} ", shown)
        makes = f"`lineup train --model {known.name} --dataset mnist` makes it"
        assert (makes in unfolded) is (known.name not in there)
    assert "of 2 say" in shown
    assert main(["compare", str(folder / "seven.png"), "--dataset", "mnist", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [answer["model"] for answer in told["results"]] == there
    assert told["unavailable"] == [name for name in catalog.ARCHITECTURES if name not in there]
    assert told["agreement"]["of"] == 2


@pytest.mark.parametrize("command", ["predict", "compare"])
def test_a_name_is_shown_as_it_is_and_on_one_line(weights, tmp_path, monkeypatch, capsys, command):
    monkeypatch.setenv("COLUMNS", "80")
    path = tmp_path / "[red]a[b] seven.png"
    draw_seven().save(path)
    assert main([command, str(path), "--dataset", "mnist", "--model" + "s" * (command == "compare"), "lenet"]) == 0
    assert "[red]a[b] seven.png" in capsys.readouterr().out.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["predict", "x.png", "--model", "resnet19"], "no network 'resnet19'; there are: lenet, alexnet"),
        (["predict", "x.png", "--dataset", "cifar"], "no dataset 'cifar'; there are: auto, mnist, fashion-mnist"),
        (["predict", "x.png", "--top-k", "11"], "--top-k is 11; wanted 1 to 10"),
        (["compare", "x.png", "--models", "lenet,nim"], "no network 'nim'"),
        (["predict", "x.png", "--device", "tpu"], "--device is 'tpu'"),
        (["compare", "empty"], "no picture in the folder empty; looked for .avif, .bmp"),
        (["serve", "--port", "70000"], "--port is 70000"),
    ],
)
def test_wrong_usage_is_named(weights, tmp_path, monkeypatch, capsys, arguments, told):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(arguments) == 2
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [["predict", "x.png"], ["compare", "x.png"], ["serve"]], ids=lambda a: a[0])
@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("LINEUP_DEVICE", "tpu", "is 'tpu'"),
        ("LINEUP_PORT", "x", "is 'x'"),
        ("LINEUP_DEVICE", "cuda", "no GPU here"),
        ("LINEUP_DEADLINE_S", "inf", "is 'inf': Input should be a finite number"),
        ("LINEUP_UPLOAD_S", "1e300", "less than or equal to 86400"),
        ("LINEUP_CORS_ORIGINS", "example.org", "is 'example.org': it should be * or origins"),
        ("LINEUP_API_KEY", " ,", "is wrong: it should hold keys"),
        ("LINEUP_API_KEY", "", "is empty: it should hold keys"),
    ],
)
def test_a_wrong_setting_is_named_too(weights, monkeypatch, capsys, arguments, name, value, told):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv(name, value)
    assert main(arguments) == 2
    shown = capsys.readouterr().err
    assert told in shown
    assert name in shown or told == "no GPU here"
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [["train", "--model", "lenet"], ["train", "--all", "--recipe", "full", "--resume"], ["evaluate", "--all"]],
    ids=" ".join,
)
def test_training_and_evaluation_tell_in_one_line_that_there_is_no_gpu(monkeypatch, capsys, arguments):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setenv("LINEUP_DEVICE", "cuda")
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2
    told = f"lineup {arguments[0]}: the device is 'cuda', but PyTorch finds no GPU here; use 'auto' or 'cpu'\n"
    assert capsys.readouterr() == ("", told)


def test_a_process_that_finds_no_gpu_fails_without_a_traceback(weights):
    program = "import sys; from app.cli import main; sys.exit(main(['serve']))"
    hidden = {**os.environ, "LINEUP_DEVICE": "cuda", "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run([sys.executable, "-c", program], env=hidden, capture_output=True, text=True, cwd=ROOT)
    told = "lineup: the device is 'cuda', but PyTorch finds no GPU here; use 'auto' or 'cpu'\n"
    assert (done.returncode, done.stdout, done.stderr) == (2, "", told)


def test_a_wrong_key_is_not_repeated(weights, monkeypatch, capsys):
    monkeypatch.setenv("LINEUP_API_KEY", "secret\nkey")
    assert main(["serve"]) == 2
    assert "secret" not in capsys.readouterr().err


def test_a_misspelt_variable_is_told_and_does_not_stop(weights, folder, monkeypatch, capsys):
    monkeypatch.setenv("LINEUP_DEADLNE_S", "a value")
    assert main(["predict", str(folder / "seven.png"), "--model", "lenet", "--dataset", "mnist"]) == 0
    told = "lineup: LINEUP_DEADLNE_S is no setting, and is ignored; do you mean LINEUP_DEADLINE_S?\n"
    assert told in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["predict"], ["dance"]])
def test_what_argparse_refuses_is_usage_too(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(arguments)
    assert stopped.value.code == 2


def test_models_lists_the_seven_with_what_was_measured(weights, capsys):
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    for name in catalog.ARCHITECTURES:
        assert name in shown
    for text in ("44.4 k", "129 M", "7.55 G", "10.00% of 10"):
        assert text in shown


@pytest.mark.parametrize("arguments", [["models"], ["predict", "x.png"], ["compare", "x.png"], ["serve"]])
def test_no_folder_of_checkpoints_is_one_error_that_names_it(monkeypatch, tmp_path, capsys, arguments):
    monkeypatch.setenv("LINEUP_WEIGHTS", str(tmp_path / "gone"))
    assert main(arguments) == 1
    shown = capsys.readouterr().err
    assert str(tmp_path / "gone") in shown
    assert len(shown.splitlines()) == 1


def test_an_interrupt_is_no_traceback(weights, folder, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(local.Local, "predict", interrupted)
    assert main(["predict", str(folder)]) == 130


def test_help_comes_without_loading_torch():
    program = (
        "import sys; from app import cli\ntry: cli.main(['--help'])\nexcept SystemExit: print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"
    assert "compare" in done.stdout


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_train_and_evaluate_are_handed_over(command, capsys):
    with pytest.raises(SystemExit) as stopped:
        main([command, "--help"])
    assert stopped.value.code == 0
    assert f"lineup {command}" in capsys.readouterr().out


@pytest.mark.parametrize(("command", "missing"), [("train", "torch"), ("train", "safetensors"), ("evaluate", "torch")])
def test_training_and_evaluation_without_their_extra_say_what_to_install(command, missing):
    program = (
        f"import sys; sys.modules[{missing!r}] = None; from app.cli import main; sys.exit(main([{command!r}, '--all']))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr == f"lineup: {command} needs {missing}; install it: python -m pip install -e '.[torch]'\n"


def test_models_are_listed_without_torch(weights):
    program = "import sys; sys.modules['torch'] = None; from app.cli import main; sys.exit(main(['models']))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    for text in ("densenet", "129 M", "10.00% of 10"):
        assert text in done.stdout
