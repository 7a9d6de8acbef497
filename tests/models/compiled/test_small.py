"""Auto and gate compiled answer as torch's own networks, and are refused for the same reasons."""

import shutil

import numpy as np
import pytest

from models.checkpoints import CheckpointError, file_format
from models.checkpoints.networks import tensors_of
from models.compiled import making, small
from models.intake import small_cnn
from models.intake.auto import ANSWERS
from models.intake.gate import KINDS
from tests import untrained
from tests.fakes import WEIGHTS

TEMPERATURES = dict.fromkeys(KINDS, 1.5)


@pytest.fixture
def seen():
    """Thumbnails uint8 [5, 64, 64] and pictures uint8 [5, 28, 28]."""
    random = np.random.default_rng(0)
    return [random.integers(0, 256, (5, side, side), np.uint8) for side in (64, 28)]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "cache"


def write_auto(root, **changes):
    network = small_cnn.AutoNetwork()
    untrained.stir(network)
    root.mkdir(exist_ok=True)
    header = {"kind": "auto", "answers": list(ANSWERS), **changes}
    file_format.write(root / "auto.lineup", header, tensors_of(network))
    return root


def write_gate(root, **changes):
    networks = small_cnn.gate_networks(KINDS)
    untrained.stir(networks)
    root.mkdir(exist_ok=True)
    kinds = {name: list(each) for name, each in KINDS.items()}
    header = {"kind": "gate", "kinds": kinds, "temperatures": TEMPERATURES, **changes}
    file_format.write(root / "gate.lineup", header, tensors_of(networks))
    return root


@pytest.mark.parametrize("shipped", [True, False])
def test_auto_answers_as_torch_does(shipped, tmp_path, folder, seen):
    root = WEIGHTS if shipped else write_auto(tmp_path / "weights")
    wanted = small_cnn.load_auto(root / "auto.lineup", ANSWERS)(seen[0])
    for _ in range(2):  # made, and from the cache
        run = small.load_auto(root, ANSWERS, folder)
        np.testing.assert_allclose(run(seen[0]), wanted, atol=1e-5)
        np.testing.assert_allclose(run(seen[0][2:3]), wanted[2:3], atol=1e-5)
    assert len(list(folder.iterdir())) == 1


@pytest.mark.parametrize("shipped", [True, False])
def test_the_gate_answers_as_torch_does(shipped, tmp_path, folder, seen):
    root = WEIGHTS if shipped else write_gate(tmp_path / "weights")
    wanted = small_cnn.load_gate(root / "gate.lineup", KINDS)
    for _ in range(2):
        run = small.load_gate(root, KINDS, folder)
        assert run.keys() == wanted.keys()
        for name in wanted:
            told = run[name](*seen)
            assert (told.shape, told.dtype) == ((5, len(KINDS[name])), np.float32)
            np.testing.assert_allclose(told, wanted[name](*seen), atol=1e-5)
            np.testing.assert_allclose(run[name](*(part[:1] for part in seen)), told[:1], atol=1e-5)
    assert len(list(folder.iterdir())) == len(KINDS)


def test_what_is_lost_or_damaged_is_made_anew(folder, seen):
    wanted = small.load_gate(WEIGHTS, KINDS, folder)["mnist"](*seen)
    first, second = sorted(folder.iterdir())
    contents = [path.read_bytes() for path in (first, second)]
    first.unlink()
    second.write_bytes(b"nonsense")
    np.testing.assert_array_equal(small.load_gate(WEIGHTS, KINDS, folder)["mnist"](*seen), wanted)
    assert [path.read_bytes() for path in (first, second)] == contents


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "gate"}, "kind 'gate'"),
        ({"answers": ["digit"]}, "answers"),
        ({"answers": list(reversed(ANSWERS))}, "answers"),
    ],
)
def test_an_auto_of_other_answers_is_refused(changes, told, tmp_path, folder):
    root = write_auto(tmp_path / "weights", **changes)
    with pytest.raises(CheckpointError, match=told):
        small.load_auto(root, ANSWERS, folder)
    assert not folder.exists()


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"kind": "auto"}, "kind 'auto'"),
        ({"kinds": {}}, "kinds"),
        ({"temperatures": None}, "temperatures None"),
        ({"temperatures": {"mnist": 1.0}}, "for each of mnist, fashion-mnist"),
        ({"temperatures": dict.fromkeys(KINDS, 0)}, "temperatures"),
    ],
)
def test_a_gate_of_other_kinds_is_refused(changes, told, tmp_path, folder):
    root = write_gate(tmp_path / "weights", **changes)
    with pytest.raises(CheckpointError, match=told):
        small.load_gate(root, KINDS, folder)
    assert not folder.exists()


def test_what_is_missing_damaged_or_of_another_network_is_refused(tmp_path, folder):
    with pytest.raises(CheckpointError, match="cannot read"):
        small.load_auto(tmp_path, ANSWERS, folder)
    content = (WEIGHTS / "auto.lineup").read_bytes()
    (tmp_path / "auto.lineup").write_bytes(content[:-100] + b"x" * 100)
    with pytest.raises(CheckpointError, match="damaged"):
        small.load_auto(tmp_path, ANSWERS, folder)
    header = {"kind": "auto", "answers": list(ANSWERS)}
    file_format.write(tmp_path / "auto.lineup", header, tensors_of(small_cnn.GateNetwork(2)))
    with pytest.raises(CheckpointError, match="the network has"):
        small.load_auto(tmp_path, ANSWERS, folder)


def test_each_file_has_its_own_place(tmp_path, folder):
    shutil.copy(WEIGHTS / "auto.lineup", tmp_path)
    small.load_auto(tmp_path, ANSWERS, folder)
    file_format.amend(tmp_path / "auto.lineup", {"note": "another digest"})
    small.load_auto(tmp_path, ANSWERS, folder)
    assert len(list(folder.iterdir())) == 2


def test_between_its_convolutions_the_gate_is_as_wide_as_the_kernels_want():
    content = file_format.open_file(WEIGHTS / "gate.lineup")
    made = making.small(content, {f"gate-{name}": f"{name}." for name in KINDS})
    for each in made.values():
        shapes = {tensor.name: tensor.dims for tensor in each.model.graph.initializer}
        widths = [shapes[node.input[1]][0] for node in each.model.graph.node if node.op_type == "Conv"]
        assert widths == [16, 32, 48, 56, 32, 48, 56]
