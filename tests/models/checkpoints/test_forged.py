"""A right SHA-256 proves nothing: whatever a header says is checked before it is believed."""

import copy
import json
import random
import struct
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from models.checkpoints import codings, file_format
from models.checkpoints.codings import Array
from models.checkpoints.file_format import CheckpointError
from tests.models.checkpoints.conftest import WANTED


def forged(data: bytes, change) -> bytes:
    """The file with another header and a right SHA-256: damage is one thing, malice another. ``change`` takes the
    header and alters it, or returns what stands in its place, as text.
    """
    (length,) = struct.unpack_from("<I", data, 8)
    header = json.loads(data[12 : 12 + length])
    text = change(header)
    text = (text if isinstance(text, str) else json.dumps(header)).encode()
    return sealed(data[:8] + struct.pack("<I", len(text)) + text + data[12 + length : -32])


def sealed(body: bytes) -> bytes:
    return body + sha256(body).digest()


def forge(path: Path, change) -> None:
    path.write_bytes(forged(path.read_bytes(), change))


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
        lambda h: entry(h, "dense")["streams"].append([0, 0]),
        lambda h: entry(h, "dense").__setitem__("shape", [True]),
        lambda h: entry(h, "dense").__setitem__("shape", [64.0, 32.0, 5.0, 5.0]),
        lambda h: entry(h, "dense").__setitem__("shape", [-64, -32, 5, 5]),
        lambda h: entry(h, "dense").__setitem__("shape", [10**30]),
        lambda h: entry(h, "dense").__setitem__("shape", "64"),
        lambda h: entry(h, "dense").__setitem__("shape", None),
        lambda h: entry(h, "dense").__setitem__("coding", None),
        lambda h: entry(h, "dense").__setitem__("name", ["dense"]),
        lambda h: entry(h, "count").__setitem__("coding", "int8"),
        lambda h: h["tensors"].append(h["tensors"][0]),
        lambda h: h["tensors"].reverse(),
        lambda h: h.__setitem__("tensors", 5),
        lambda h: h.__setitem__("tensors", ["dense"]),
    ],
)
def test_a_forged_header_is_refused(path, change):
    forge(path, change)
    with pytest.raises(CheckpointError):
        file_format.read(path, WANTED)


def test_a_header_longer_than_the_file_is_refused(path):
    data = bytearray(path.read_bytes()[:-32])
    struct.pack_into("<I", data, 8, 0xFFFFFFFF)
    path.write_bytes(sealed(bytes(data)))
    with pytest.raises(CheckpointError, match="header of 4294967295 bytes"):
        file_format.read_header(path)


@pytest.mark.parametrize("name", [7, None, True, 1.5])
def test_a_name_that_is_not_text_is_refused(path, name):
    forge(path, lambda header: entry(header, "bias").__setitem__("name", name))
    with pytest.raises(CheckpointError, match=rf"malformed: .*'name': {name}.*wanted a name and a coding \(text\)"):
        file_format.read(path, WANTED)


@pytest.mark.parametrize("levels", [34, 500, 100_000])
@pytest.mark.parametrize("key", ["extra", "tensors"])
def test_a_header_nested_too_deep_is_refused(path, levels, key):
    nested = "[" * levels + "]" * levels
    forge(path, lambda header: json.dumps({**header, key: "NESTED"}).replace('"NESTED"', nested))
    with pytest.raises(CheckpointError, match="nested too deep; at most 32 levels are read"):
        file_format.read_header(path)


def test_a_header_nested_as_deep_as_is_read_comes_back(path):
    nested = json.loads("[" * 31 + "]" * 31)
    file_format.amend(path, {"nested": nested})
    assert file_format.read_header(path)["nested"] == nested
    before = path.read_bytes()
    with pytest.raises(CheckpointError, match="is not written: a header nested too deep"):
        file_format.amend(path, {"nested": [nested]})
    assert path.read_bytes() == before


def with_scales(path: Path, name: str, scales: Array) -> None:
    """Put other scales into a file of one tensor."""
    data = path.read_bytes()
    packed = codings.pack(scales.astype("<f4").tobytes())
    (length,) = struct.unpack_from("<I", data, 8)
    old = entry(json.loads(data[12 : 12 + length]), name)["streams"][0][0]

    def change(header):
        entry(header, name)["streams"][0] = [len(packed), 4 * len(scales)]

    path.write_bytes(forged(sealed(data[: 12 + length] + packed + data[12 + length + old : -32]), change))


@pytest.mark.parametrize("name", ["dense", "sparse"])
@pytest.mark.parametrize("count", [0, 1, -1, 2])
def test_each_channel_has_its_scale(tmp_path, tensors, name, count):
    path, channels = tmp_path / "x.lineup", len(tensors[name])
    scales = np.ones(count if count >= 0 else channels + count, np.float32)
    file_format.write(path, {}, {name: tensors[name]})
    with_scales(path, name, scales)
    with pytest.raises(CheckpointError, match=rf"{name} .*a stream says {scales.nbytes} bytes; wanted {4 * channels}"):
        file_format.read(path, {name: WANTED[name]})


@pytest.mark.parametrize("name", ["dense", "sparse"])
@pytest.mark.parametrize("scale", [np.nan, np.inf, -1.0, 0.0, 3e38])
def test_a_scale_that_makes_no_sound_weight_is_refused(tmp_path, tensors, name, scale):
    path = tmp_path / "x.lineup"
    file_format.write(path, {}, {name: tensors[name]})
    with_scales(path, name, np.full(len(tensors[name]), scale))
    with pytest.raises(CheckpointError, match=r"its scales go from .*; wanted above 0"):
        file_format.read(path, {name: WANTED[name]})


def test_weights_that_are_not_finite_are_not_read(tmp_path, monkeypatch):
    path = tmp_path / "x.lineup"
    monkeypatch.setattr(codings, "encode", lambda array: ("float32", [array.tobytes()]))
    file_format.write(path, {}, {"a": np.array([1, np.nan], np.float32)})
    with pytest.raises(CheckpointError, match="a does not decode: there are weights that are not finite"):
        file_format.read(path, {"a": ((2,), "float32")})


FUZZED = {
    "dense": ((8, 4096), "float32"),
    "sparse": ((16, 2048), "float32"),
    "b": ((3,), "float32"),
    "n": ((), "int64"),
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.integers(0, 70_000) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=4), inner, max_size=4),
)
KNOWN = st.sampled_from([*FUZZED, *codings.DTYPES, 0, 1, 3, 8, 16, 32768, 4096, -1, True, [], [[1, 4]], [8, 4096]])


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    draw = np.random.default_rng(2)
    path = tmp_path_factory.mktemp("fuzz") / "x.lineup"
    sparse = draw.standard_normal((16, 2048), np.float32) * (draw.random((16, 2048)) < 0.05)
    dense = draw.standard_normal((8, 4096), np.float32)
    biases = {"b": np.ones(3, np.float32), "n": np.array(5)}
    file_format.write(path, {"name": "x"}, {"dense": dense, "sparse": sparse, **biases})
    return path


def places(value) -> list[tuple]:
    """Every (holder, key) below a JSON value."""
    if not isinstance(value, dict | list):
        return []
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


def alter(header, data: st.DataObject) -> None:
    """Replace, delete, or exchange something somewhere."""
    found = places(header)
    holder, key = data.draw(st.sampled_from(found)) if found else ({}, "")
    match data.draw(st.sampled_from(["replace", "known", "delete", "exchange"])):
        case "replace":
            holder[key] = data.draw(JSON)
        case "known":
            holder[key] = copy.deepcopy(data.draw(KNOWN))
        case "delete" if found:
            del holder[key]
        case "exchange" if found:
            other, at = data.draw(st.sampled_from(found))
            other[at], holder[key] = copy.deepcopy(holder[key]), copy.deepcopy(other[at])


def believe(path: Path, content: bytes) -> None:
    """What is read is what was wanted, or the file is refused."""
    path.write_bytes(content)
    try:
        _, arrays = file_format.read(path, FUZZED)
    except CheckpointError:
        return
    assert {name: (array.shape, array.dtype.name) for name, array in arrays.items()} == FUZZED
    assert all(np.isfinite(array).all() for array in arrays.values())


RELAXED = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@RELAXED
@given(data=st.data())
def test_any_other_header_is_refused_or_means_the_same_tensors(fuzzed, data):
    def change(header):
        for _ in range(data.draw(st.integers(1, 3))):
            alter(header, data)

    content = fuzzed.read_bytes()
    believe(fuzzed.with_name("y.lineup"), forged(content, change))


@RELAXED
@given(seed=st.integers(0, 2**32), flips=st.integers(1, 8), in_header=st.booleans())
def test_any_flipped_bits_under_a_right_digest_are_refused_or_read(fuzzed, seed, flips, in_header):
    content = bytearray(fuzzed.read_bytes()[:-32])
    (length,) = struct.unpack_from("<I", content, 8)
    draw = random.Random(seed)
    for _ in range(flips):
        content[draw.randrange(8, 12 + length if in_header else len(content))] ^= 1 << draw.randrange(8)
    believe(fuzzed.with_name("y.lineup"), sealed(bytes(content)))
