"""Skeletons and stage tables are written once all are made, each whole: what stops that leaves those of before."""

from pathlib import Path

import onnx
import pytest
from torch import nn

from models import catalog
from models.compiled import graph, stages
from tools import skeletons


class Interrupted(nn.Module):
    """A network at whose export somebody presses Ctrl-C."""

    def eval(self) -> "Interrupted":
        raise KeyboardInterrupt


class Unfit(nn.Module):
    """A network that has no graph."""

    def eval(self) -> "Unfit":
        raise ValueError("no such operator")


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folders with LeNet's files as they were before."""
    for module, name in ((skeletons, "SKELETONS"), (stages, "FOLDER")):
        folder = tmp_path / name
        folder.mkdir()
        monkeypatch.setattr(module, name, folder)
    (tmp_path / "SKELETONS/lenet.onnx").write_text("before")
    (tmp_path / "FOLDER/lenet.json").write_text("before")
    return tmp_path


def contents(folders: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folders.rglob("*") if path.is_file()}


def with_networks(monkeypatch: pytest.MonkeyPatch, *more: nn.Module) -> None:
    lenet = catalog.ARCHITECTURES["lenet"]
    known = {"lenet": lenet.build(), **{f"more-{number}": network for number, network in enumerate(more)}}
    monkeypatch.setattr(
        skeletons, "networks", lambda: {name: (one, {"pictures": lenet.input_size}) for name, one in known.items()}
    )


def test_an_interrupt_leaves_every_file_as_it_was(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_networks(monkeypatch, Interrupted())
    before = contents(folders)
    with pytest.raises(KeyboardInterrupt):
        skeletons.main()
    assert contents(folders) == before


def test_a_full_disk_leaves_every_file_as_it_was(folders: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fsync(_: int) -> None:
        raise OSError(28, "No space left on device")

    with_networks(monkeypatch)
    before = contents(folders)
    monkeypatch.setattr("os.fsync", fsync)
    with pytest.raises(OSError, match="No space left"):
        skeletons.main()
    assert contents(folders) == before


def test_a_network_that_has_no_graph_is_told_and_keeps_no_other_from_its_own(
    folders: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with_networks(monkeypatch, Unfit())
    assert skeletons.main() == 1
    out, err = capsys.readouterr()
    assert out.startswith("lenet: lenet.json ")
    assert err.startswith("more-0: no such operator; LINEUP_BACKEND=torch")
    assert sorted(contents(folders)) == ["lenet.json", "lenet.onnx"]
    assert [*graph.sides(onnx.load(folders / "SKELETONS/lenet.onnx"))] == ["pictures"]
    assert stages.load("lenet").stages
