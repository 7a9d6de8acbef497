"""A network is compiled once, anew when what it was made from changes, and in the quickest form that may run."""

import json
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from models import catalog, checkpoints
from models.checkpoints import CheckpointError, file_format
from models.compiled import cache, calibration, compiler, making, record
from tests import untrained

ROOT = Path(__file__).resolve().parents[3]
VNNI, PLAIN = "x86_64 avx2 avx512_vnni", "x86_64 avx2"


@pytest.fixture
def path(tmp_path):
    return untrained.write(tmp_path / "weights", "lenet")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def write_record(path: Path, pictures, *allowed: str, without: int = 0) -> None:
    """A record that lacks so many of the ranges that are wanted."""
    source = untrained.read(path)
    ranges = dict([*calibration.ranges(making.classifier(source), pictures).items()][without:])
    told = {"checkpoint": source.content.header["digest"], "ranges": ranges, "allowed": allowed}
    record.path_for(path).write_text(json.dumps(told))


def files(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


def test_it_is_made_once(path, folder, pictures):
    runner, made = compiler.load(untrained.read(path), folder)
    before = files(folder)
    again, found = compiler.load(untrained.read(path), folder)
    assert files(folder) == before
    assert len(before) == 1
    assert (made.kept, found.kept, found.digest, found.header) == (True, True, made.digest, made.header)
    assert found.header["form"] == "float32"
    np.testing.assert_array_equal(runner.logits(pictures), again.logits(pictures))


def test_it_answers_as_the_checkpoint_does_at_both_temperatures(path, folder, pictures):
    runner, _ = compiler.load(untrained.read(path), folder)
    as_sent = np.arange(len(pictures)) % 2 == 0
    wanted = checkpoints.load(path).probabilities(torch.from_numpy(pictures), torch.from_numpy(as_sent)).numpy()
    np.testing.assert_allclose(runner.probabilities(pictures, as_sent), wanted, atol=1e-6)


def test_it_is_made_anew_when_what_it_was_made_from_changes(path, folder, pictures, monkeypatch):
    seen = [compiler.load(untrained.read(path), folder, VNNI)[1].digest]

    def is_another() -> None:
        before = set(files(folder))
        seen.append(compiler.load(untrained.read(path), folder, VNNI)[1].digest)
        assert len(set(files(folder)) - before) == 1
        assert len(set(seen)) == len(seen)

    write_record(path, pictures, "float32")
    is_another()
    file_format.amend(path, {"temperature": 3.0})
    is_another()
    monkeypatch.setattr(compiler, "version", lambda: "another")
    is_another()
    monkeypatch.setattr("onnxruntime.__version__", "0.1")
    is_another()
    seen.append(compiler.load(untrained.read(path), folder, PLAIN)[1].digest)
    assert len(set(seen)) == len(seen)


def test_the_version_is_of_all_that_makes_graphs(tmp_path, monkeypatch):
    here = shutil.copytree(compiler.HERE, tmp_path / "compiled")
    reading = shutil.copytree(compiler.HERE.parent / "checkpoints", tmp_path / "checkpoints")
    monkeypatch.setattr(compiler, "HERE", here)
    version = compiler.version.__wrapped__  # anew each time
    seen = [version()]
    assert len(seen[0]) == 16
    for path in (here / "making.py", here / "skeletons" / "lenet.onnx", reading / "codings.py"):
        path.write_bytes(path.read_bytes() + b"\n")
        seen.append(version())
    assert len(set(seen)) == 4
    (here / "README.md").write_text("not of it")
    assert version() == seen[-1]


@pytest.mark.parametrize(
    ("allowed", "instructions", "times", "form"),
    [
        (["float32", "int8", "int8-narrow"], VNNI, [2.0, 1.0], "int8"),
        (["float32", "int8", "int8-narrow"], VNNI, [1.0, 2.0], "float32"),
        (["float32", "int8", "int8-narrow"], PLAIN, [2.0, 1.0], "int8-narrow"),
        (["float32", "int8"], PLAIN, [], "float32"),
        (["float32"], VNNI, [], "float32"),
        (["int8"], VNNI, [2.0, 1.0], "int8"),
    ],
)
def test_the_quickest_form_that_may_run_does(allowed, instructions, times, form, path, folder, pictures, monkeypatch):
    write_record(path, pictures, *allowed)
    left = list(times)
    monkeypatch.setattr(compiler, "_seconds", lambda runner: left.pop(0))
    assert compiler.load(untrained.read(path), folder, instructions)[1].header["form"] == form
    assert not left


def test_forms_are_measured_on_this_machine(path, folder, pictures):
    write_record(path, pictures, "float32", "int8", "int8-narrow")
    runner, made = compiler.load(untrained.read(path), folder)
    assert made.header["form"] in ("float32", "int8", "int8-narrow")
    exact = checkpoints.load(path).probabilities(torch.from_numpy(pictures)).numpy()
    np.testing.assert_allclose(runner.probabilities(pictures), exact, atol=0.05)


@pytest.mark.parametrize("without", [1, 3])
def test_ranges_that_lack_an_activation_leave_float32(without, path, folder, pictures, caplog):
    """As after an export by a torch that names values otherwise."""
    write_record(path, pictures, "float32", "int8", without=without)
    assert compiler.load(untrained.read(path), folder, VNNI)[1].header["form"] == "float32"
    assert "int8 is left out" in caplog.text
    assert "lineup evaluate --forms" in caplog.text


def test_a_record_that_makes_no_sense_leaves_float32(path, folder):
    record.path_for(path).write_text('{"ranges": "nonsense"}')
    assert compiler.load(untrained.read(path), folder, VNNI)[1].header["form"] == "float32"


def only(folder: Path) -> Path:
    (found,) = folder.iterdir()
    return found


@pytest.mark.parametrize("damage", [b"", b"junk", "half", "flip"])
def test_what_is_damaged_is_made_anew(damage, path, folder, pictures):
    _, made = compiler.load(untrained.read(path), folder)
    content = only(folder).read_bytes()
    flipped = content[:-40] + bytes([content[-40] ^ 255]) + content[-39:]
    only(folder).write_bytes({"half": content[: len(content) // 2], "flip": flipped}.get(str(damage), damage))
    runner, again = compiler.load(untrained.read(path), folder)
    assert again.digest == made.digest
    assert only(folder).read_bytes() == content
    assert runner.logits(pictures).shape == (7, 10)


@pytest.mark.parametrize(
    ("header", "arrays"),
    [
        ({"layers": []}, {"graph": np.frombuffer(b"nonsense", np.uint8)}),
        ({"layers": []}, {"graph": np.zeros(0, np.uint8)}),
        ({"layers": []}, {}),
        ({}, "same"),
        ({"layers": 7}, "same"),
        ({"layers": [[1, 2]]}, "same"),
        ({"layers": [[10, 10, True]]}, "same"),
    ],
)
def test_what_somebody_else_put_there_is_made_anew(header, arrays, path, folder, pictures, caplog):
    _, made = compiler.load(untrained.read(path), folder)
    key = {name: made.header[name] for name in ("checkpoint", "record", "compiler", "instructions", "onnxruntime")}
    cache.write(only(folder), {**key, "form": "float32", **header}, made.arrays if arrays == "same" else arrays)
    runner, again = compiler.load(untrained.read(path), folder)
    assert again.digest == made.digest
    assert runner.logits(pictures).shape == (7, 10)
    assert "is made anew" in caplog.text


@pytest.mark.parametrize("wrong", [4096, 2**30, -1])
def test_a_sparse_layer_that_points_beyond_its_matrix_is_made_anew(wrong, checkpoint, folder, pictures):
    source = untrained.read(checkpoint("alexnet"))
    _, made = compiler.load(source, folder)
    columns = made.arrays["2.columns"].copy()
    columns[-1] = wrong
    cache.write(only(folder), made.header, {**made.arrays, "2.columns": columns})
    runner, again = compiler.load(source, folder)
    # Not the digest: the quicker of two forms is taken, which on a busy machine may be the other one this time.
    assert again.arrays["2.columns"].tolist() == made.arrays["2.columns"].tolist()
    assert np.isfinite(runner.logits(pictures[:1])).all()


@pytest.mark.parametrize("place", ["a file", "below a file", "/proc/lineup"])
def test_where_nothing_can_be_kept_it_lives_in_memory(place, path, tmp_path, pictures, monkeypatch, caplog):
    (tmp_path / "file").write_text("in the way")
    named = {"a file": tmp_path / "file", "below a file": tmp_path / "file" / "x"}.get(place, Path(place))
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(named))
    runner, made = compiler.load(untrained.read(path))
    assert not made.kept
    assert runner.logits(pictures).shape == (7, 10)
    assert "cannot be kept" in caplog.text
    assert "LINEUP_CACHE_DIR" in caplog.text
    assert (tmp_path / "file").read_text() == "in the way"
    assert not [left for left in tmp_path.rglob("*") if left.name.startswith(".")]


def test_the_folder_of_the_environment_is_the_one(path, tmp_path, monkeypatch):
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(tmp_path / "named" / "below"))
    compiler.load(untrained.read(path))
    assert only(tmp_path / "named" / "below").name.startswith("mnist-lenet-")


def test_several_at_once_make_the_same_and_leave_one(path, folder):
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: compiler.load(untrained.read(path), folder)[1], range(4)))
    assert len({each.digest for each in made}) == 1
    assert only(folder).suffix == compiler.SUFFIX


PROGRAM = """
import sys
from pathlib import Path
import numpy as np
from models.checkpoints import file_format
from models.checkpoints.described import described
from models.compiled import compiler
runner, made = compiler.load(described(file_format.open_file(sys.argv[1])), Path(sys.argv[2]))
runner.probabilities(np.zeros((2, 28, 28), np.uint8))
print(made.digest, made.kept, *(name in sys.modules for name in ("onnx", "torch")))
"""


def test_another_process_finds_it_without_onnx_and_makes_it_without_torch(path, folder):
    def process() -> list[str]:
        command = [sys.executable, "-c", PROGRAM, path, folder]
        return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()

    first, second = process(), process()
    assert first[1:] == ["True", "True", "False"]
    assert second == [first[0], "True", "False", "False"]


def test_a_network_without_a_skeleton_is_told_in_a_sentence(path, folder):
    source = untrained.read(path)
    new = replace(source, architecture=replace(catalog.find("lenet"), name="yournet"))
    with pytest.raises(CheckpointError, match=r"skeletons/yournet\.onnx.*make skeletons.*LINEUP_BACKEND=torch") as told:
        compiler.load(new, folder)
    assert str(ROOT) not in str(told.value)
    assert "\n" not in str(told.value)


def test_tensors_of_another_network_are_refused_and_nothing_is_kept(path, folder):
    wrong = replace(untrained.read(path), architecture=catalog.find("lenet-bn"))
    with pytest.raises(CheckpointError, match="the network has"):
        compiler.load(wrong, folder)
    assert not folder.exists()
