"""The command that makes sets of scenes."""

import re

import pytest
import torch

from models.data import scene_sets
from models.training.scenes import make

pytest.importorskip("safetensors", reason="belongs to the extra `torch`")


def test_the_command_makes_files_that_load_whatever_the_number_of_processes(data_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(make, "CHUNK", 60)
    for processes in ("1", "2"):
        out = ["--out", str(tmp_path / processes), "--fonts", str(tmp_path), "--processes", processes]
        assert make.main(["--data-dir", str(data_dir), "--dataset", "mnist", "--count", "110", *out]) == 0
    one, two = (scene_sets.load(tmp_path / processes, "mnist", "learn") for processes in ("1", "2"))
    assert torch.equal(one.pictures, two.pictures)
    assert torch.equal(one.allowed, two.allowed)
    assert len(scene_sets.load(tmp_path / "1", "mnist", "held").pictures) < len(one.pictures)


def test_damaged_data_is_told_before_any_worker_starts(data_dir, tmp_path, capsys):
    (data_dir / "MNIST" / "raw" / "train-images-idx3-ubyte").write_bytes(b"garbage")
    assert make.main(["--data-dir", str(data_dir), "--dataset", "mnist", "--out", str(tmp_path / "sets")]) == 1
    assert "error: cannot load MNIST handwritten digits" in capsys.readouterr().out


def test_a_worker_that_fails_ends_the_command(data_dir, tmp_path, capsys):
    """It went on for ever when the sources were opened as the worker was started."""
    (data_dir / "photos" / "clothing" / "train" / "none" / "05.png").write_bytes(b"no picture")
    options = ["--data-dir", str(data_dir), "--dataset", "fashion-mnist", "--count", "500", "--out", str(tmp_path)]
    assert make.main(options) == 1
    assert re.search(r"error: cannot open .*05\.png as a picture: .*; take it away", capsys.readouterr().out)
