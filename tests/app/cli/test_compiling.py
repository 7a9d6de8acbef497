"""`lineup compile`: from a folder of checkpoints to graphs, without PyTorch, and once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import main
from models.compiled import cache, features, graph, stages
from tests import untrained
from tests.closed import forbid
from tests.fakes import WEIGHTS

ROOT = Path(__file__).resolve().parents[3]
SMALL = ("auto.lineup", "gate.lineup")


@pytest.fixture
def weights(tmp_path, monkeypatch):
    """A folder with untrained checkpoints of two networks, and what ships of auto and gate."""
    root = tmp_path / "weights"
    for dataset in ("mnist", "fashion-mnist"):
        untrained.write(root, "lenet", dataset)
    untrained.write(root, "lenet-bn")
    for name in SMALL:
        (root / name).write_bytes((WEIGHTS / name).read_bytes())
    monkeypatch.setenv("LINEUP_WEIGHTS", str(root))
    return root


@pytest.fixture
def kept(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(folder))
    return folder


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_all_that_is_there_is_compiled_once(weights, kept, capsys):
    assert main(["compile"]) == 0
    told = capsys.readouterr()
    assert told.out == f"compiled: 3 in float32, auto, gate; kept in {kept}\n"
    assert not told.err
    before = files(kept)
    names = sorted(name.rpartition("-")[0] for name in before)
    assert names == ["auto", "fashion-mnist-lenet", "gate-fashion-mnist", "gate-mnist", "mnist-lenet", "mnist-lenet-bn"]
    assert main(["compile"]) == 0
    assert files(kept) == before


def test_feature_maps_are_compiled_once_where_they_are_wanted(weights, kept, capsys):
    assert main(["compile", "--features"]) == 0
    assert capsys.readouterr().out == f"compiled: 3 in float32, auto, gate, feature maps; kept in {kept}\n"
    before = files(kept)
    found = sorted(name.rpartition("-")[0] for name in before if "-features-" in name)
    assert found == ["fashion-mnist-lenet-features", "mnist-lenet-bn-features", "mnist-lenet-features"]
    digest = untrained.read(weights / "mnist" / "lenet.lineup").content.header["digest"]
    assert features.find("mnist", "lenet", digest, stages.load("lenet"))  # as the service looks for them
    assert main(["compile", "--features"]) == 0
    assert files(kept) == before


def test_the_image_has_every_graph_that_its_service_cannot_keep():
    assert "RUN lineup compile --features " in (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_a_damaged_checkpoint_is_named_and_the_others_are_compiled(weights, kept, capsys):
    (weights / "mnist" / "lenet.lineup").write_bytes(b"junk")
    (weights / "auto.lineup").write_bytes(b"junk")
    assert main(["compile", "--weights", str(weights)]) == 1
    told = capsys.readouterr()
    assert [line.split(" is not ")[0] for line in told.err.splitlines()] == [
        f"lineup: {weights / 'auto.lineup'}",
        f"lineup: {weights / 'mnist' / 'lenet.lineup'}",
    ]
    assert told.out == f"compiled: 2 in float32, gate; kept in {kept}\n"
    assert len(files(kept)) == 4


def test_a_folder_without_checkpoints_is_nothing_to_compile(tmp_path, kept, capsys):
    (tmp_path / "empty").mkdir()
    assert main(["compile", "--weights", str(tmp_path / "empty")]) == 0
    assert "compiled: nothing" in capsys.readouterr().out


def test_a_folder_that_is_not_there_is_one_error(tmp_path, kept, capsys):
    assert main(["compile", "--weights", str(tmp_path / "gone")]) == 1
    told = capsys.readouterr()
    assert str(tmp_path / "gone") in told.err
    assert len(told.err.splitlines()) == 1
    assert not kept.exists()


def test_what_may_not_be_read_is_a_failure(weights, kept, monkeypatch, capsys):
    forbid(monkeypatch, weights / "mnist")
    assert main(["compile"]) == 1
    shown = capsys.readouterr()
    assert "compiled: 1 in float32, auto, gate;" in shown.out
    assert "mnist/lenet.lineup: Permission denied" in shown.err.replace("\n", "")


def test_a_cache_that_cannot_be_written_is_a_failure(weights, kept, capsys, caplog):
    kept.write_text("in the way")
    assert main(["compile"]) == 1
    assert f"cannot be kept in {kept}" in capsys.readouterr().out
    assert "LINEUP_CACHE_DIR names a folder that can be written" in caplog.text


def test_feature_maps_that_cannot_be_kept_are_a_failure(weights, kept, capsys, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    assert main(["compile"]) == 0
    monkeypatch.setattr("models.checkpoints.atomic.replacing", refuse)  # what is there needs none, feature maps do
    capsys.readouterr()
    assert main(["compile", "--features"]) == 1
    assert f"cannot be kept in {kept}" in capsys.readouterr().out


def test_it_needs_no_torch(weights, kept):
    program = "import sys; sys.modules['torch'] = None; from app.cli import main; sys.exit(main(['compile']))"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("compiled: 3 in float32, auto, gate")
    assert not done.stderr


def test_two_at_once_make_the_same(weights, kept):
    command = [sys.executable, "-c", "import sys; from app.cli import main; sys.exit(main(['compile']))"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    outputs = [process.communicate(timeout=120)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert outputs[0] == outputs[1]
    assert len(files(kept)) == 6
    assert all(cache.read(path, {}) for path in kept.iterdir())


def test_a_read_only_folder_with_all_of_it_is_fine(weights, kept, monkeypatch):
    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    assert main(["compile"]) == 0
    kept.chmod(0o555)
    monkeypatch.setattr("models.checkpoints.atomic.replacing", refuse)  # root may write everywhere
    try:
        assert main(["compile"]) == 0
    finally:
        kept.chmod(0o755)


def test_every_record_that_ships_is_of_its_checkpoint_and_of_its_skeleton():
    """One of another export would leave the network in float32, at a fifth of the speed, and say so in a log alone."""
    from models.compiled import int8, making, record

    for path in sorted(WEIGHTS.glob("*/*.forms.json")):
        source = untrained.read(path.with_name(path.name.replace(record.SUFFIX, ".lineup")))
        told = json.loads(path.read_text())
        assert told["checkpoint"] == source.content.header["digest"], path
        assert set(told["ranges"]) == set(int8.activations(making.classifier(source).model)), path
        found = record.read(source.content.path, told["checkpoint"])
        assert list(found.allowed) == told["allowed"], path


def test_a_network_whose_skeleton_does_not_run_is_told_and_the_others_are_compiled(weights, kept, capsys, monkeypatch):
    wrong = graph.skeleton("lenet-bn")
    next(node for node in wrong.graph.node if node.op_type == "Flatten").attribute[0].i = 2
    whole = graph.skeleton
    monkeypatch.setattr(graph, "skeleton", lambda name: wrong if name == "lenet-bn" else whole(name))
    assert main(["compile"]) == 1
    told = capsys.readouterr()
    assert "compiled: 2 in float32, auto, gate; kept in" in told.out
    assert "lineup: the skeleton of lenet-bn does not run (" in told.err
    assert "`make skeletons`" in told.err
