"""The file format: what is written comes back, and what is no whole and undamaged file of it is refused."""

import json
import os
import struct
from hashlib import sha256

import numpy as np
import pytest

from models.checkpoints import codings, file_format
from models.checkpoints.file_format import CheckpointError
from tests.models.checkpoints.conftest import WANTED


def test_small_tensors_come_back_exactly_and_large_ones_within_half_a_step(path, tensors):
    header, back = file_format.read(path, WANTED)
    assert header["name"] == "Ätzend"
    assert list(back) == list(tensors)
    for name in ("bias", "count"):
        assert np.array_equal(back[name], tensors[name])
    assert {name: (array.shape, array.dtype.name) for name, array in back.items()} == WANTED
    for name in ("dense", "sparse"):
        rows = tensors[name].reshape(len(tensors[name]), -1)
        used = (rows != 0).sum(1).clip(min=1)
        sigma = np.sqrt(np.square(rows).sum(1) / used)
        step = np.maximum(abs(rows).max(1) / 127, sigma / codings.STEPS_PER_SIGMA)
        error = abs(back[name].reshape(rows.shape) - rows).max(1)
        assert (error <= step / 2 * 1.001 + 1e-9).all()


def test_zeros_stay_zero(path, tensors):
    _, back = file_format.read(path, WANTED)
    assert (back["sparse"][tensors["sparse"] == 0] == 0).all()


def test_entropy_coding_beats_a_byte_a_weight(path, tensors):
    nonzero = np.count_nonzero(tensors["sparse"])
    assert path.stat().st_size < 0.8 * tensors["dense"].size + 2.2 * nonzero + 4000


def test_a_file_of_its_own_values_is_written_again_byte_for_byte(path, tmp_path, tensors):
    again = tmp_path / "again.lineup"
    assert file_format.write(again, {"name": "Ätzend"}, tensors) == file_format.read_header(path)["digest"]
    assert again.read_bytes() == path.read_bytes()


def test_amend_changes_the_header_and_no_weight(path):
    _, before = file_format.read(path, WANTED)
    digest = file_format.amend(path, {"temperature": 0.8})
    header, after = file_format.read(path, WANTED)
    assert (header["temperature"], header["name"], header["digest"]) == (0.8, "Ätzend", digest)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_text_that_has_no_utf8_is_amended_and_read_like_any_other(path):
    _, before = file_format.read(path, WANTED)
    file_format.amend(path, {"note": "\ud800"})
    file_format.amend(path, {"temperature": 0.8})
    header, after = file_format.read(path, WANTED)
    assert (header["note"], header["name"], header["temperature"]) == ("\ud800", "Ätzend", 0.8)
    assert all(np.array_equal(before[name], after[name]) for name in before)


def test_a_header_of_an_earlier_version_in_utf8_is_read_and_amended(path):
    data = path.read_bytes()
    (length,) = struct.unpack_from("<I", data, 8)
    text = json.dumps(json.loads(data[12 : 12 + length]), ensure_ascii=False).encode()
    body = data[:8] + struct.pack("<I", len(text)) + text + data[12 + length : -32]
    path.write_bytes(body + sha256(body).digest())
    assert "Ätzend".encode() in path.read_bytes()
    file_format.amend(path, {"temperature": 0.8})
    assert file_format.read(path, WANTED)[0]["name"] == "Ätzend"


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_not_saved(tmp_path, bad):
    with pytest.raises(CheckpointError, match="not finite"):
        file_format.write(tmp_path / "x.lineup", {}, {"a": np.array([1.0, bad], np.float32)})
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
        file_format.read(path, WANTED)


@pytest.mark.parametrize("length", [0, 5, 8, 12, 40, 1000, -1])
def test_a_truncated_file_is_refused(path, length):
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"not a Lineup checkpoint|damaged or truncated"):
        file_format.read(path, WANTED)


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"dense": ((64, 32, 3, 3), "float32")},
            r"holds \(64, 32, 5, 5\) .*for dense; the network has \(64, 32, 3, 3\)",
        ),
        ({"bias": None}, r"holds \(64,\) .*for 'bias'; the network has nothing"),
        ({"more": ((1,), "float32")}, r"holds nothing for more; the network has \(1,\)"),
        ({"count": ((), "float32")}, r"holds \(\) int64 for count; the network has \(\) float32"),
        ({"bias": ((64,), "int64")}, r"holds \(64,\) float32 for bias; the network has \(64,\) int64"),
    ],
)
def test_other_shapes_and_dtypes_are_refused_with_both_sides_named(path, changes, told):
    wanted = {name: tensor for name, tensor in {**WANTED, **changes}.items() if tensor}
    with pytest.raises(CheckpointError, match=told):
        file_format.read(path, wanted)


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32", "bool"])
def test_arrays_of_other_dtypes_are_not_written(tmp_path, dtype):
    with pytest.raises(CheckpointError, match=f"a: it is {dtype}; wanted float32 or int64"):
        file_format.write(tmp_path / "x.lineup", {}, {"a": np.zeros(3, dtype)})


def test_what_is_too_large_to_be_a_checkpoint_is_not_read(tmp_path):
    path = tmp_path / "large.lineup"
    path.touch()
    os.truncate(path, 1 << 40)  # a hole: it takes no disk, and would take all memory
    with pytest.raises(
        CheckpointError, match=rf"large\.lineup has {1 << 40} bytes; a checkpoint has at most {256 << 20}"
    ):
        file_format.read_header(path)


def test_a_file_without_a_size_is_read_no_further_than_one_byte():
    with pytest.raises(CheckpointError, match="not a Lineup checkpoint"):
        file_format.read_header("/dev/zero")


@pytest.mark.parametrize(("limit", "told"), [("MAX_FILE", "a file of"), ("MAX_HEADER", "a header of")])
def test_what_could_not_be_read_is_not_written(path, monkeypatch, limit, told):
    before = path.read_bytes()
    monkeypatch.setattr(file_format, limit, 100)
    with pytest.raises(CheckpointError, match=rf"is not written: {told} \d+ bytes; at most 100 are read"):
        file_format.write(path, {}, {"a": np.zeros((20, 20), np.float32), "b" * 100: np.zeros(1, np.float32)})
    assert path.read_bytes() == before
