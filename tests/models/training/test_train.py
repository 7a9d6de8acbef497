"""Training for real, on small data: it learns, can be resumed, and leaves a checkpoint that is measured as saved."""

import json
import os
import signal
from pathlib import Path

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.training import recipes, train
from models.training.scenes import make
from tests import untrained

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")
pytestmark = pytest.mark.usefixtures("signals")


def history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "history.jsonl").read_text().splitlines()]


def test_a_run_learns_and_ships_a_measured_checkpoint(run, tmp_path):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "12") == 0
    path = tmp_path / "weights/mnist/lenet-bn.lineup"
    header = checkpoints.load(path).metadata
    report = json.loads(path.with_suffix(".json").read_text())
    assert header["metrics"]["accuracy"] == report["accuracy"] > 0.9
    assert header["metrics"]["n"] == 100
    assert header["temperature"] == report["temperature"]
    assert report["digest"] == header["digest"]
    assert header["recipe"]["optimizer"] == "adamw"
    assert header["training"]["pictures"] >= 12 * 480
    lines = history(tmp_path / "runs/mnist/lenet-bn")
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert len(lines) == 12
    assert report["history"]["pictures"] == [line["pictures"] for line in lines]
    assert report["history"]["held_out_accuracy"] == [line["held_out_accuracy"] for line in lines]
    assert report["history"]["from_scratch"]
    assert not list((tmp_path / "runs").rglob("state.safetensors"))


def test_a_worse_checkpoint_does_not_replace_a_better_one(run, tmp_path, capsys):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "12") == 0
    shipped = (tmp_path / "weights/mnist/lenet-bn.lineup").read_bytes()
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "0.2", "--seed", "1") == 0
    assert "stays" in capsys.readouterr().out
    assert (tmp_path / "weights/mnist/lenet-bn.lineup").read_bytes() == shipped
    assert len(list((tmp_path / "runs/mnist").glob("lenet-bn.until-*"))) == 1, "the earlier run is kept"


def test_refining_starts_from_the_checkpoint_and_tells_so(run, tmp_path):
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "4") == 0
    before = checkpoints.read_header(tmp_path / "weights/mnist/lenet-bn.lineup")
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "6", "--refine") == 0
    first = history(tmp_path / "runs/mnist/lenet-bn")[0]
    earlier = next((tmp_path / "runs/mnist").glob("lenet-bn.until-*"))
    assert first["loss"] < 0.75 * history(earlier)[0]["loss"]
    after = checkpoints.read_header(tmp_path / "runs/mnist/lenet-bn/lenet-bn.lineup")
    told = {key: before[key] for key in ("digest", "recipe", "training")}
    assert after["training"]["refined_from"] == [told]
    curve = json.loads((tmp_path / "runs/mnist/lenet-bn/lenet-bn.json").read_text())["history"]
    assert curve["run"] == [0] * 4 + [1] * 6
    assert curve["pictures"] == sorted(curve["pictures"])


@pytest.mark.parametrize(("name", "taught"), [("nin", ("densenet",)), ("vgg11", ())])
def test_refined_on_features_a_network_is_taught_by_nobody(name, taught, monkeypatch):
    whole = recipes.replace(recipes.QUICK[name], teachers=("densenet",), taught=0.5)
    monkeypatch.setattr(recipes, "choose", lambda name, kind: whole)
    refined = train._recipe(name, "mnist", train._parse(["--model", name, "--dataset", "mnist", "--refine"]))
    assert refined.teachers == taught
    assert bool(refined.taught) == bool(taught)
    assert refined.phases == (recipes.replace(whole.phases[-1], share=1),)


def test_a_checkpoint_tells_which_others_taught_it(run, tmp_path, capsys, monkeypatch):
    taught = recipes.replace(recipes.QUICK["lenet"], minutes=None, epochs=1, teachers=("lenet",), taught=0.5)
    arguments = ["--model", "lenet", "--dataset", "mnist", "--epochs", "1"]
    with monkeypatch.context() as changed:
        changed.setattr(recipes, "choose", lambda name, kind: taught)
        assert run(*arguments) == 1
    assert "lenet.lineup" in capsys.readouterr().out, "the teacher that is not there"
    assert run(*arguments) == 0
    teacher = file_format.open_file(checkpoints.path_for("mnist", "lenet", tmp_path / "weights")).header["digest"]
    monkeypatch.setattr(recipes, "choose", lambda name, kind: taught)
    assert run(*arguments, "--seed", "1") == 0
    header = checkpoints.read_header(tmp_path / "runs" / "mnist" / "lenet" / "lenet.lineup")
    assert header["training"]["taught_by"] == [teacher]
    assert header["recipe"]["teachers"] == ["lenet"]


def test_resume_keeps_what_is_finished(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1", "--resume") == 0
    assert "finished before" in capsys.readouterr().out


def test_pictures_as_people_send_them_are_learned_from_and_measured(run, tmp_path, data_dir, capsys):
    options = ["--data-dir", str(data_dir), "--out", str(tmp_path / "scenes"), "--fonts", str(tmp_path)]
    assert make.main([*options, "--count", "500", "--dataset", "mnist"]) == 0
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    header = checkpoints.read_header(tmp_path / "weights" / "mnist" / "lenet.lineup")
    assert header["recipe"]["scenes"] > 0
    assert header["training"]["pictures"] > 500, "500 of the dataset are learned from"
    assert header["metrics"]["sent_n"] > 300
    assert 0 <= header["metrics"]["sent_accuracy"] <= 1
    assert 0.05 < header["temperature_sent"] < 20.1
    assert "of sent ones" in capsys.readouterr().out


def test_without_such_pictures_the_run_says_so(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dataset", "mnist", "--epochs", "1") == 0
    assert "python -m models.training.scenes.make makes it" in capsys.readouterr().out
    header = checkpoints.read_header(tmp_path / "weights" / "mnist" / "lenet.lineup")
    assert header["recipe"]["scenes"] == 0
    assert "sent_accuracy" not in header["metrics"]
    assert header["temperature_sent"] == header["temperature"] != 1


def test_a_dry_run_keeps_nothing(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dry-run") == 0
    assert capsys.readouterr().out.count("ms a picture") == 2
    assert not (tmp_path / "weights").exists()
    assert not list((tmp_path / "runs").rglob("*"))


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--model", "lenet5"), "invalid choice: 'lenet5'"),
        (("--all", "--minutes", "0"), "--minutes: it is '0'; wanted a number above 0"),
        (("--all", "--pause-after", "nan"), "--pause-after: it is 'nan'; wanted a number above 0"),
        (("--all", "--minutes", "1", "--epochs", "2"), "not allowed with"),
        (("--all", "--threads", "0"), "--threads: it is '0'; wanted a whole number from 1 to 1024"),
        (
            ("--model", "lenet", "--threads", "1000000000000"),
            "--threads: it is '1000000000000'; wanted a whole number from 1 to 1024",
        ),
        (
            ("--model", "lenet", "--seed", "20000000000000"),
            "--seed: it is '20000000000000'; wanted a whole number from 0 to 4294967295",
        ),
        (
            ("--model", "lenet", "--epochs", "1", "--seed", "-1"),
            "--seed: it is '-1'; wanted a whole number from 0 to 4294967295",
        ),
        (("--all", "--held-out-images", "-5"), "--held-out-images: it is '-5'; wanted a whole number from 1 up"),
        ((), "one of the arguments --model --all is required"),
    ],
)
def test_wrong_arguments_are_named(run, capsys, arguments, told):
    with pytest.raises(SystemExit) as stopped:
        run(*arguments)
    assert stopped.value.code == 2
    assert told in capsys.readouterr().err


def test_missing_data_is_told_and_is_an_error(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torchvision", reason="belongs to the extra `torch`")
    from urllib.error import URLError

    def refuse(*args, **kwargs):
        raise URLError("no network")

    monkeypatch.setattr("urllib.request.urlopen", refuse)
    places = ["--data-dir", str(tmp_path / "none"), "--weights", str(tmp_path / "w"), "--runs", str(tmp_path / "r")]
    assert train.main(["--model", "lenet", *places]) == 1
    assert "--data-dir" in capsys.readouterr().out


def test_a_run_pauses_by_itself_and_goes_on_in_pieces(run, tmp_path, capsys):
    lenet = ("--model", "lenet", "--dataset", "mnist", "--epochs", "2", "--resume")
    told = tmp_path / "runs/mnist/lenet/history.jsonl"
    told.parent.mkdir(parents=True)
    told.write_text(json.dumps({"phase": 0, "epoch": 7, "pictures": 960}) + "\n")  # of a run whose state is lost
    assert run(*lenet, "--pause-after", "1e-9") == 130
    assert run(*lenet, "--pause-after", "1e-9") == 130
    out = capsys.readouterr().out
    assert "stopped at step 1; --resume goes on from there" in out
    assert "stopped at step 2; --resume goes on from there" in out
    with told.open("a") as lost:  # a killed run saves less than it tells
        lost.write(json.dumps({"phase": 0, "epoch": 3, "pictures": 1440}) + "\n" + '{"phase": 0, "ep')
    assert run(*lenet, "--pause-after", "60") == 0
    assert [line["epoch"] for line in history(tmp_path / "runs/mnist/lenet")] == [1, 2]
    assert checkpoints.read_header(tmp_path / "weights/mnist/lenet.lineup")["training"]["pictures"] == 960


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_what_was_trained_is_measured_ends_it_at_once(run, tmp_path, capsys, monkeypatch, number):
    lenet = ("--model", "lenet", "--dataset", "mnist", "--epochs", "1")

    def signalled(*what, **named):
        os.kill(os.getpid(), number)
        raise AssertionError("it went on")

    with monkeypatch.context() as patch:
        patch.setattr(train, "evaluate", signalled)
        assert run(*lenet) == 130
    assert "stopped before what was trained is measured; --resume does that" in capsys.readouterr().out
    assert not (tmp_path / "weights").exists()
    assert run(*lenet, "--resume") == 0
    assert len(history(tmp_path / "runs/mnist/lenet")) == 1
    assert checkpoints.read_header(tmp_path / "weights/mnist/lenet.lineup")["training"]["pictures"] == 480


def test_a_signal_while_it_ships_after_all_ends_that_too(run, tmp_path, capsys, monkeypatch):
    lenet = ("--model", "lenet", "--dataset", "mnist", "--epochs", "1", "--resume")

    def signalled(*what):
        os.kill(os.getpid(), signal.SIGTERM)
        raise AssertionError("it went on")

    with monkeypatch.context() as patch:
        patch.setattr(train.shipping, "ship", signalled)
        assert run(*lenet) == 130
        assert run(*lenet) == 130
    assert "stopped before what was trained ships; --resume ships it" in capsys.readouterr().out
    assert not (tmp_path / "weights").exists()
    assert run(*lenet) == 0
    assert (tmp_path / "weights/mnist/lenet.lineup").is_file()


def test_a_run_begun_with_other_options_is_not_resumed(run, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(train.StopFlag, "__call__", lambda self: True)
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "2") == 130
    assert "stopped at step 1; --resume goes on from there" in capsys.readouterr().out
    assert run("--model", "lenet-bn", "--dataset", "mnist", "--epochs", "3", "--resume") == 1
    assert "error: cannot resume" in capsys.readouterr().out


def test_a_refinement_that_was_cut_off_once_it_had_shipped_ends_when_resumed(run, tmp_path, capsys, monkeypatch):
    lenet = ("--model", "lenet", "--dataset", "mnist", "--epochs", "1")
    assert run(*lenet) == 0
    monkeypatch.setattr(train.shipping, "better", lambda new, old: True)

    def cut_off(*arguments, **named):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(train.shutil, "rmtree", cut_off)
        patch.setattr(Path, "unlink", lambda path, missing_ok=False: path.suffix == ".safetensors" and cut_off())
        with pytest.raises(KeyboardInterrupt):
            run(*lenet, "--refine")
    place, state = tmp_path / "weights/mnist/lenet.lineup", tmp_path / "runs/mnist/lenet/state.safetensors"
    shipped = place.read_bytes()
    assert state.is_file()
    assert run(*lenet, "--refine", "--resume") == 0
    assert place.read_bytes() == shipped
    assert not state.exists()
    assert "cannot resume" not in capsys.readouterr().out


def test_refining_what_is_not_there_is_told(run, tmp_path, capsys):
    assert run("--model", "lenet", "--dataset", "mnist", "--refine") == 1
    assert "error: " in (told := capsys.readouterr().out)
    assert str(tmp_path / "weights" / "mnist" / "lenet.lineup") in told


def test_refining_what_is_in_the_wrong_place_is_told(run, tmp_path, capsys):
    untrained.write(tmp_path / "weights", "lenet-bn", at=("mnist", "lenet"))
    assert run("--model", "lenet", "--dataset", "mnist", "--refine") == 1
    assert "lenet.lineup holds lenet-bn for mnist, not lenet for mnist" in capsys.readouterr().out


@pytest.mark.parametrize("fault", [ValueError("not enough values to unpack"), OSError("no library")])
def test_a_fault_of_the_code_is_a_traceback_and_no_error_of_the_user(run, monkeypatch, fault):
    def broken(*arguments, **named):
        raise fault

    monkeypatch.setattr(train, "Trainer", broken)
    with pytest.raises(type(fault), match=str(fault)):
        run("--model", "lenet", "--dataset", "mnist")
