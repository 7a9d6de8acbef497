"""`lineup batch` as its users type it: what it says, its exit codes, and how it goes on."""

import io
import json
import sys
import zipfile
from importlib import metadata

import pyarrow
import pytest
from pyarrow import parquet
from rich.console import Console

from app.batch.run import Progress
from app.cli import batch_progress, main
from app.cli.batch_progress import sentence
from tests.app.batch.test_work import Three
from tests.models.intake.test_picture import draw_seven


@pytest.fixture(autouse=True)
def _cpu(monkeypatch):
    monkeypatch.setenv("LINEUP_DEVICE", "cpu")


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "pictures"
    (folder / "more").mkdir(parents=True)
    draw_seven().save(folder / "seven.png")
    draw_seven().resize((28, 28)).save(folder / "more" / "small.png")
    return folder


def batch(source, out, *options):
    return main(["batch", str(source), "--out", str(out), "--model", "lenet", *options])


@pytest.mark.parametrize("kind", ["folder", "zip", "csv", "parquet"])
def test_every_source_gives_the_same_answers(folder, tmp_path, capsys, kind):
    names, source, out = ["more/small.png", "seven.png"], folder, tmp_path / "answers.parquet"
    if kind == "zip":
        source = tmp_path / "x.zip"
        with zipfile.ZipFile(source, "w") as packed:
            for name in names:
                packed.write(folder / name, name)
    elif kind == "csv":
        source = folder / "list.csv"
        source.write_text("path\n" + "\n".join(names))
    elif kind == "parquet":
        source = folder / "list.parquet"
        parquet.write_table(pyarrow.table({"path": names}), source)
    assert batch(source, out) == 0
    rows = parquet.read_table(out).to_pylist()
    assert [(row["picture"], row["label"], row["dataset"]) for row in rows] == [(name, "7", "mnist") for name in names]
    assert f"{out}: 2 pictures answered\n" in capsys.readouterr().out


def test_a_bad_picture_is_a_row_and_the_exit_code(folder, tmp_path, capsys):
    (folder / "bad.png").write_bytes(b"bad")
    assert batch(folder, tmp_path / "x.jsonl", "--dataset", "mnist") == 1
    rows = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text().splitlines()]
    assert [row["error_code"] for row in rows] == ["undecodable", None, None]
    assert rows[1]["dataset_confidence"] is None
    assert "2 pictures answered; 1 not: undecodable 1" in capsys.readouterr().out


def test_an_output_that_is_there_is_written_anew_only_by_force(folder, tmp_path, capsys):
    out = tmp_path / "x.csv"
    out.write_text("mine")
    assert batch(folder, out) == 2
    assert "is there already; name another --out, or write it anew with --force" in capsys.readouterr().err
    assert out.read_text() == "mine"
    assert batch(folder, out, "--force") == 0
    assert out.read_text().startswith("picture,")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "x.csv"]


def test_what_another_run_left_is_thrown_away_only_when_asked(folder, tmp_path, capsys, monkeypatch):
    out = tmp_path / "x.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr("app.batch.run.finish", interrupted)
        assert batch(folder, out) == 130
    (folder / "third.png").write_bytes(b"bad")
    assert batch(folder, out) == 1
    told = capsys.readouterr().err
    assert "was begun with another source: folder" in told
    assert "pictures 2, " in told
    assert "pictures 3, " in told
    (folder / "third.png").unlink()
    assert batch(folder, out) == 0
    assert "2 pictures are there already; going on from there" in capsys.readouterr().out
    out.unlink()
    with monkeypatch.context() as patch:
        patch.setattr("app.batch.run.finish", interrupted)
        assert batch(folder, out) == 130
    assert batch(folder, out, "--dataset", "mnist") == 1
    assert "another dataset: auto, now mnist" in capsys.readouterr().err
    assert batch(folder, out, "--dataset", "mnist", "--fresh") == 0


def test_a_vote_without_one_of_its_networks_is_told_and_the_exit_code(folder, tmp_path, capsys, monkeypatch):
    engine = Three()
    engine.failing = {"vgg11"}
    monkeypatch.setattr("app.batch.work.Engine", lambda settings: engine)
    assert batch(folder, tmp_path / "x.csv", "--model", "vote") == 1
    assert "2 pictures answered; 2 answers of single networks are missing from the votes" in capsys.readouterr().out
    engine.failing = set()
    assert batch(folder, tmp_path / "x.csv", "--model", "vote", "--force") == 0
    assert "2 pictures answered\n" in capsys.readouterr().out


def test_a_run_is_whole_already_for_the_same_command_alone(folder, tmp_path, capsys, monkeypatch):
    (folder / "bad.png").write_bytes(b"bad")
    out = tmp_path / "x.jsonl"

    def left_behind(*options):
        with monkeypatch.context() as patch:
            patch.setattr("app.batch.partial.Partial._remove", interrupted)
            assert batch(folder, out, *options) == 130
        capsys.readouterr()
        return out.stat().st_ino

    left_behind()
    assert batch(folder, out) == 1
    said = capsys.readouterr().out
    assert said == f"{out} was whole already\n{out}: 2 pictures answered; 1 not: undecodable 1\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "x.jsonl"]
    before = left_behind("--force")
    assert batch(folder, out, "--dataset", "mnist") == 2
    assert "is there already; name another --out" in capsys.readouterr().err
    assert out.stat().st_ino == before
    before = left_behind("--force")
    assert batch(folder, out, "--dataset", "mnist", "--force") == 1
    assert "whole already" not in capsys.readouterr().out
    assert out.stat().st_ino != before
    assert json.loads(out.read_text().splitlines()[1])["dataset_confidence"] is None


def interrupted(*_):
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("options", "code", "told"),
    [
        (("--model", "resnet19"), 2, "no network 'resnet19'; there are: lenet, "),
        (("--dataset", "cifar"), 2, "no dataset 'cifar'"),
        (("--out", "x.txt"), 2, "--out is 'x.txt'; its name should end in .jsonl, .csv, .parquet"),
        (("--out", "gone/x.csv"), 2, "there is no folder gone"),
        (("--out", "pictures.csv"), 2, "which is a folder"),
        (("--device", "tpu"), 2, "--device is 'tpu'"),
    ],
)
def test_wrong_usage_is_told_in_one_line(folder, tmp_path, capsys, monkeypatch, options, code, told):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pictures.csv").mkdir()
    assert batch(folder, tmp_path / "x.csv", *options) == code
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["pictures", "pictures.csv"]


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("gone.zip", "there is no "),
        ("gone\x1b[31m.zip", r"gone\x1b[31m.zip; SOURCE is "),
        ("notes.txt", "is no source of pictures; SOURCE is a folder, or a file whose name ends in .zip, .tar"),
        ("x.zip", "cannot be read as a zip file"),
        ("empty", "there was no picture"),
    ],
)
def test_sources_that_are_none_are_told(tmp_path, capsys, name, told):
    (tmp_path / "notes.txt").write_text("no pictures")
    (tmp_path / "x.zip").write_text("no pictures")
    (tmp_path / "empty").mkdir()
    assert batch(tmp_path / name, tmp_path / "x.csv") == 1
    said = capsys.readouterr().err
    assert told in said
    assert said.count("\n") == 1
    assert not list(tmp_path.glob("*.partial*"))


def test_what_can_be_gone_on_from_is_promised_only_where_something_was_begun(folder, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    out, begun = tmp_path / "x.csv", tmp_path / "x.csv.partial"
    begun.write_text("in the way")
    assert batch(folder, out) == 1
    assert capsys.readouterr().err == f"lineup: {begun}: File exists\n"
    begun.unlink()
    monkeypatch.setattr("app.batch.partial.Partial.add", full)
    assert batch(folder, out) == 1
    kept = f"what is done is in {begun}, and the same command goes on from there"
    assert f"lineup: {out}: No space left on device; {kept}\n" in capsys.readouterr().err
    assert (begun / "begun.json").exists()


@pytest.mark.parametrize("missing", [("pyarrow", "batch", ()), ("ray", "ray", ("--ray", "auto"))])
def test_a_missing_extra_is_told(folder, tmp_path, capsys, monkeypatch, missing):
    package, extra, options = missing
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr("app.cluster.ray_version.version", absent)
    assert batch(folder, tmp_path / "x.parquet", *options) == 1
    assert f"install it: python -m pip install -e '.[{extra}]'\n" in capsys.readouterr().err


def absent(name):
    raise metadata.PackageNotFoundError(name)


def test_a_ray_that_does_not_fit_is_told(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("app.cluster.ray_version.version", lambda name: "2.9.1")
    assert batch(folder, tmp_path / "x.csv", "--ray", "auto") == 1
    assert "Ray is 2.9.1; wanted 2.60" in capsys.readouterr().err


def test_progress_is_a_bar_in_a_terminal_and_lines_elsewhere(monkeypatch):
    now = Progress(before=1000, done=3000, failed=2, share=0.5, first_share=0.25)
    now.began -= 100
    assert sentence(now) == "3,000 pictures, 20.0/s, 50%, 0:03:20 left, 2 failed"
    terminal, file = io.StringIO(), io.StringIO()
    with batch_progress.shown(Console(file=terminal, force_terminal=True, width=120)) as tell:
        tell(now)
    assert "━" in terminal.getvalue()
    assert "3,000 pictures" in terminal.getvalue()
    for seconds, lines in ((0.0, 2), (1e9, 0)):
        monkeypatch.setattr(batch_progress, "LINES_S", seconds)
        file.truncate(file.seek(0))
        with batch_progress.shown(Console(file=file)) as tell:
            tell(now)
            tell(now)
        assert file.getvalue().count("3,000 pictures") == lines


def test_help_tells_the_columns(capsys):
    with pytest.raises(SystemExit):
        main(["batch", "--help"])
    told = capsys.readouterr().out
    for text in ("error_code", "probabilities", "NETWORK_label", "FILE.partial", "--ray ADDRESS"):
        assert text in told
