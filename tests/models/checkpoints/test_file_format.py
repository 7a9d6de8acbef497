"""The file format: what is written comes back, and nothing else is believed."""

import json
import struct
from hashlib import sha256
from pathlib import Path

import pytest
import torch

from models.checkpoints import file_format
from models.checkpoints.file_format import CheckpointError

SHAPES = {"dense": (64, 32, 5, 5), "sparse": (256, 512), "bias": (64,), "count": ()}


@pytest.fixture
def tensors() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    kept = torch.rand(256, 512, generator=generator) < 0.02
    kept[3] = False  # a row with nothing in it
    kept[7, :] = False
    kept[7, 511] = True  # and gaps longer than a byte
    return {
        "dense": torch.randn(SHAPES["dense"], generator=generator),
        "sparse": torch.randn(SHAPES["sparse"], generator=generator) * kept,
        "bias": torch.randn(SHAPES["bias"], generator=generator),
        "count": torch.tensor(12345),
    }


@pytest.fixture
def path(tmp_path: Path, tensors: dict[str, torch.Tensor]) -> Path:
    path = tmp_path / "some.lineup"
    file_format.write(path, {"name": "Ätzend"}, tensors)
    return path


def test_small_tensors_come_back_exactly_and_large_ones_within_half_a_step(path, tensors):
    header, back = file_format.read(path, SHAPES)
    assert header["name"] == "Ätzend"
    assert list(back) == list(tensors)
    for name in ("bias", "count"):
        assert torch.equal(back[name], tensors[name])
    for name in ("dense", "sparse"):
        rows = tensors[name].flatten(1)
        used = (rows != 0).sum(1).clamp(min=1)
        sigma = (rows.square().sum(1) / used).sqrt()
        step = torch.maximum(rows.abs().amax(1) / 127, sigma / file_format.STEPS_PER_SIGMA)
        error = (back[name] - tensors[name]).flatten(1).abs().amax(1)
        assert (error <= step / 2 * 1.001 + 1e-9).all()


def test_zeros_stay_zero(path, tensors):
    _, back = file_format.read(path, SHAPES)
    assert (back["sparse"][tensors["sparse"] == 0] == 0).all()


def test_entropy_coding_beats_a_byte_a_weight(path, tensors):
    nonzero = int((tensors["sparse"] != 0).sum())
    assert path.stat().st_size < 0.8 * tensors["dense"].numel() + 2.2 * nonzero + 4000


def test_a_file_of_its_own_values_is_written_again_byte_for_byte(path, tmp_path, tensors):
    again = tmp_path / "again.lineup"
    assert file_format.write(again, {"name": "Ätzend"}, tensors) == file_format.read_header(path)["digest"]
    assert again.read_bytes() == path.read_bytes()


def test_amend_changes_the_header_and_no_weight(path):
    _, before = file_format.read(path, SHAPES)
    digest = file_format.amend(path, {"temperature": 0.8})
    header, after = file_format.read(path, SHAPES)
    assert (header["temperature"], header["name"], header["digest"]) == (0.8, "Ätzend", digest)
    assert all(torch.equal(before[name], after[name]) for name in before)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, bad):
    with pytest.raises(CheckpointError, match="not finite"):
        file_format.write(tmp_path / "x.lineup", {}, {"a": torch.tensor([1.0, bad])})
    assert list(tmp_path.iterdir()) == []


def test_a_missing_file_and_a_file_of_another_kind_are_named(tmp_path):
    with pytest.raises(CheckpointError, match=r"cannot read .*gone\.lineup"):
        file_format.read_header(tmp_path / "gone.lineup")
    other = tmp_path / "other.lineup"
    other.write_bytes(b"\x80\x04 a pickle, say" * 10)
    with pytest.raises(CheckpointError, match="not a Lineup checkpoint"):
        file_format.read_header(other)


@pytest.mark.parametrize("place", [9, 40, 500, -40, -1])
def test_a_flipped_bit_anywhere_is_found(path, place):
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match="damaged or truncated"):
        file_format.read(path, SHAPES)


@pytest.mark.parametrize("length", [0, 5, 8, 12, 40, 1000, -1])
def test_a_truncated_file_is_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"not a Lineup checkpoint|damaged or truncated"):
        file_format.read(path, SHAPES)


@pytest.mark.parametrize(
    ("shapes", "told"),
    [
        ({**SHAPES, "dense": (64, 32, 3, 3)}, r"holds \(64, 32, 5, 5\) for dense; the network has \(64, 32, 3, 3\)"),
        ({k: v for k, v in SHAPES.items() if k != "bias"}, r"holds \(64,\) for bias; the network has nothing"),
        ({**SHAPES, "more": (1,)}, r"holds nothing for more; the network has \(1,\)"),
    ],
)
def test_other_shapes_are_refused_with_both_sides_named(path, shapes, told):
    with pytest.raises(CheckpointError, match=told):
        file_format.read(path, shapes)


def forge(path: Path, change) -> None:
    """Rewrite the header with a right SHA-256: damage is one thing, malice another."""
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 8)
    header = json.loads(data[12 : 12 + length])
    change(header)
    text = json.dumps(header).encode()
    body = data[:8] + struct.pack("<I", len(text)) + text + data[12 + length : -32]
    path.write_bytes(body + sha256(body).digest())


def entry(header, name):
    return next(tensor for tensor in header["tensors"] if tensor["name"] == name)


@pytest.mark.parametrize(
    "change",
    [
        lambda h: entry(h, "bias")["streams"][0].__setitem__(1, 1 << 40),
        lambda h: entry(h, "bias")["streams"][0].__setitem__(1, 8),
        lambda h: entry(h, "dense")["streams"][1].__setitem__(0, -5),
        lambda h: entry(h, "dense")["streams"][1].__setitem__(0, 1 << 30),
        lambda h: entry(h, "dense").__setitem__("coding", "pickle"),
        lambda h: entry(h, "dense").__setitem__("coding", ["int8"]),
        lambda h: entry(h, "dense").__setitem__("streams", [[1, 2, 3]]),
        lambda h: entry(h, "dense").__setitem__("streams", [["a", "b"]] * 2),
        lambda h: entry(h, "dense").__setitem__("streams", []),
        lambda h: entry(h, "sparse").__setitem__("coding", "int8"),
        lambda h: entry(h, "dense").__setitem__("coding", "sparse-int8"),
        lambda h: h["tensors"].append(h["tensors"][0]),
        lambda h: h["tensors"].reverse(),
        lambda h: h.__setitem__("tensors", 5),
        lambda h: h.__setitem__("tensors", ["dense"]),
    ],
)
def test_a_forged_header_is_refused(path, change):
    forge(path, change)
    with pytest.raises(CheckpointError):
        file_format.read(path, SHAPES)


def test_a_header_longer_than_the_file_is_refused(path):
    data = bytearray(path.read_bytes()[:-32])
    struct.pack_into("<I", data, 8, 0xFFFFFFFF)
    path.write_bytes(data + sha256(data).digest())
    with pytest.raises(CheckpointError, match="header of 4294967295 bytes"):
        file_format.read_header(path)
