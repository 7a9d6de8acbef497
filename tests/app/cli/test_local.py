"""What `lineup predict` and `lineup compare` say of files and checkpoints that they cannot use."""

import json
import os
import shutil
from threading import Thread

import pytest
from PIL import Image

from app.cli import main
from models import checkpoints
from tests.closed import forbid


def test_a_picture_that_may_not_be_looked_at_is_told(weights, folder, monkeypatch, capsys):
    closed = folder / "closed.png"
    closed.touch()
    forbid(monkeypatch, closed)
    for asked, answers in ((closed, 1), (folder, 3)):  # by its name, and where it is one of a folder's
        assert main(["predict", str(asked), "--model", "lenet", "--json"]) == 1
        told = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        (error,) = [answer["error"] for answer in told if "error" in answer]
        assert "closed.png" in error["message"]
        assert "ermission denied" in error["message"]
        assert len(told) == answers


def test_a_bad_picture_costs_its_neighbours_nothing(weights, folder, capsys):
    broken = folder / "broken.png"
    broken.write_bytes(b"no picture at all")
    gone = folder / "gone.png"
    arguments = [broken, gone, folder / "seven.png", "--model", "lenet", "--dataset", "mnist", "--json"]
    assert main(["predict", *map(str, arguments)]) == 1
    first, second, third = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first["error"]["code"] == "undecodable"
    assert second["error"]["code"] == "not_found"
    assert third["model"] == "lenet"


@pytest.mark.parametrize("command", ["predict", "compare"])
@pytest.mark.parametrize("what", ["blank", "pdf"])
def test_what_cannot_be_read_is_told(weights, tmp_path, capsys, command, what):
    path = tmp_path / "it.png"
    if what == "blank":
        Image.new("L", (50, 50), 255).save(path)
    else:
        path.write_bytes(b"%PDF-1.4")
    assert main([command, str(path), "--dataset", "mnist"]) == 1
    assert ("nothing_found" if what == "blank" else "unsupported_type") in capsys.readouterr().err


def written_into_pipe(path, data):
    """Make a pipe, and write into it as soon as somebody reads; who waits for that holds nobody up."""
    os.mkfifo(path)
    Thread(target=path.write_bytes, args=[data], daemon=True).start()


@pytest.mark.parametrize("command", ["predict", "compare"])
@pytest.mark.parametrize("what", ["file", "pipe"])
def test_no_more_is_read_than_the_service_takes(weights, tmp_path, monkeypatch, capsys, command, what):
    """It was read to its end, which a device or a pipe may not have."""
    monkeypatch.setenv("LINEUP_MAX_UPLOAD_BYTES", "1000")
    path = tmp_path / "it.png"
    path.write_bytes(bytes(2000)) if what == "file" else written_into_pipe(path, bytes(2000))
    assert main([command, str(path), "--dataset", "mnist"]) == 1
    assert (
        "too_large: the file has more than 1000 bytes; at most 1000 are taken (LINEUP_MAX_UPLOAD_BYTES)"
        in capsys.readouterr().err
    )


def test_a_picture_may_come_through_a_pipe(weights, folder, tmp_path, capsys):
    """As of `cat seven.png | lineup predict /dev/stdin`."""
    pipe = tmp_path / "pipe"
    written_into_pipe(pipe, (folder / "seven.png").read_bytes())
    assert main(["predict", str(pipe), "--model", "lenet", "--dataset", "mnist"]) == 0
    assert "pipe by lenet" in capsys.readouterr().out


def test_a_network_without_a_checkpoint_is_an_error_that_names_the_file_and_what_makes_it(weights, folder, capsys):
    assert main(["predict", str(folder / "seven.png"), "--model", "nin", "--dataset", "mnist"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "model_unavailable" in told
    assert "nin.lineup: No such file or directory; `lineup train --model nin --dataset mnist` makes it" in told


def test_a_checkpoint_that_may_not_be_read_is_not_taken_for_one_that_is_not_there(weights, folder, monkeypatch, capsys):
    forbid(monkeypatch, weights / "mnist")
    assert main(["predict", str(folder / "seven.png"), "--model", "lenet", "--dataset", "mnist"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "model_unavailable" in told
    assert "Permission denied" in told
    assert "makes it" not in told


def test_a_damaged_checkpoint_is_not_taken_for_one_that_is_not_there(weights, folder, capsys):
    checkpoints.path_for("mnist", "nin", weights).write_bytes(b"junk")
    assert main(["predict", str(folder / "seven.png"), "--model", "nin", "--dataset", "mnist"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert "model_unavailable" in told
    assert "lineup train" not in told


@pytest.mark.parametrize("there", ["fashion-mnist/lenet", "mnist/densenet"])
def test_a_checkpoint_in_the_wrong_place_is_refused(weights, folder, capsys, there):
    """It answered, with another dataset's classes or under another network's name."""
    shutil.copy(weights / f"{there}.lineup", checkpoints.path_for("mnist", "lenet", weights))
    holds = " for ".join(reversed(there.split("/")))
    seven = str(folder / "seven.png")
    assert main(["predict", seven, seven, "--model", "lenet", "--dataset", "mnist"]) == 1
    told = " ".join(capsys.readouterr().err.split())
    assert told.count(f"mnist/lenet.lineup holds {holds}, not lenet for mnist") == 2
    assert "lineup train" not in told
    assert main(["compare", seven, "--dataset", "mnist", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert "lenet" in told["unavailable"]
    assert [answer["model"] for answer in told["results"]] == ["densenet"]
