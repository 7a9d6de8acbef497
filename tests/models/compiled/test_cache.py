"""What the cache gives back is what was kept, or nothing: whatever lies there."""

import hashlib
import json
import os
import struct
from pathlib import Path

import numpy as np
import pytest

from models.compiled import cache

KEY = {"checkpoint": "0" * 64, "compiler": "1"}
HEADER = {**KEY, "form": "int8", "layers": [[10, 20, True]]}
ARRAYS = {
    "graph": np.arange(100, dtype=np.uint8),
    "0.values": np.arange(6, dtype=np.float32).reshape(2, 3),
    "0.columns": np.array([3, 1], np.int32),
    "0.bias": np.zeros(0, np.float32),
}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "below" / "x.graph"
    cache.write(path, HEADER, ARRAYS)
    return path


def forged(path, text: bytes, payload: bytes = b"") -> Path:
    """A file with this header that is whole by its digest."""
    body = cache.MAGIC + struct.pack("<I", len(text)) + text + payload
    path.write_bytes(body + hashlib.sha256(body).digest())
    return path


def test_what_is_kept_comes_back(path):
    found = cache.read(path, KEY)
    assert found.header == HEADER
    assert found.kept
    assert found.arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found.arrays[name], array)
        assert (found.arrays[name].dtype, found.arrays[name].shape) == (array.dtype, array.shape)
        assert found.arrays[name].flags.writeable


def test_the_digest_is_that_of_the_file_and_the_same_in_memory(path):
    data = path.read_bytes()
    made = cache.build(HEADER, ARRAYS)
    assert made.digest == cache.read(path, KEY).digest == hashlib.sha256(data[:-32]).hexdigest() == data[-32:].hex()
    assert not made.kept
    assert cache.build({**HEADER, "form": "float32"}, ARRAYS).digest != made.digest


def test_arrays_that_do_not_lie_in_rows_are_kept_as_they_are(tmp_path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4).T
    cache.write(tmp_path / "x", KEY, {"a": array})
    np.testing.assert_array_equal(cache.read(tmp_path / "x", KEY).arrays["a"], array)


def test_what_was_made_from_something_else_is_nothing(path):
    assert cache.read(path, {**KEY, "compiler": "2"}) is None
    assert cache.read(path, {**KEY, "more": "x"}) is None
    assert cache.read(path, {}) is not None


def test_every_damaged_byte_and_every_lost_one_is_seen(path):
    data = path.read_bytes()
    for place in range(len(data)):
        path.write_bytes(data[:place] + bytes([data[place] ^ 64]) + data[place + 1 :])
        assert cache.read(path, KEY) is None, place
        path.write_bytes(data[:place])
        assert cache.read(path, KEY) is None, place
    path.write_bytes(data + b"\0")
    assert cache.read(path, KEY) is None


def test_what_is_not_there_or_no_file_is_nothing(tmp_path, path):
    assert cache.read(tmp_path / "no.graph", KEY) is None
    assert cache.read(tmp_path, KEY) is None
    assert cache.read(path / "below a file", KEY) is None


def test_what_is_too_large_is_not_even_opened(path, monkeypatch):
    with path.open("r+b") as file:
        file.truncate(cache.MAX_FILE + 1)  # of which nothing takes space
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("it was read"))
    assert cache.read(path, KEY) is None


def listing(*arrays: object, header: object = KEY) -> bytes:
    return json.dumps({"header": header, "arrays": arrays}).encode()


def test_what_is_forged_is_read_as_what_it_says(path):
    found = cache.read(forged(path, listing(["a", "uint8", [2, 2]]), b"abcd"), KEY)
    np.testing.assert_array_equal(found.arrays["a"], [[97, 98], [99, 100]])


@pytest.mark.parametrize(
    "text",
    [
        listing(["a", "uint8", [-1]]),
        listing(["a", "uint8", [-2, -2]]),
        listing(["a", "uint8", [5]]),
        listing(["a", "uint8", [3]]),
        listing(["a", "uint8", [2**62, 4]]),
        listing(["a", "uint8", [10**30]]),
        listing(["a", "float32", [2**62]]),
        listing(["a", "uint8", [2.0, 2]]),
        listing(["a", "uint8", [True, 4]]),
        listing(["a", "uint8", ["4"]]),
        listing(["a", "uint8", "4"]),
        listing(["a", "uint8", None]),
        listing(["a", "uint8", {"4": 4}]),
        listing(["a", "object", [4]]),
        listing(["a", "float64", [0], [4]]),
        listing(["a", ["uint8"], [4]]),
        listing([["a"], "uint8", [4]]),
        listing("abc"),
        listing(7),
        listing(["a", "uint8", [4]], header=[]),
        listing(["a", "uint8", [4]], header=None),
        listing(["a", "uint8", [4]], header="checkpoint"),
        b'{"header": {}, "arrays": 7}',
        b'{"header": {}}',
        b'{"arrays": []}',
        b"[]",
        b"null",
        b"nonsense",
        b"\xff\xfe",
        b"",
        b"[" * 100_000,
        b'{"header": ' + b"9" * 5000 + b', "arrays": []}',
    ],
    ids=lambda text: text[:60].decode(errors="replace"),
)
def test_a_header_that_lies_is_nothing(path, text):
    assert cache.read(forged(path, text, b"abcd"), KEY) is None


def test_a_header_longer_than_its_file_is_nothing(path):
    body = cache.MAGIC + struct.pack("<I", 2**32 - 1) + listing()
    path.write_bytes(body + hashlib.sha256(body).digest())
    assert cache.read(path, KEY) is None


def test_where_nothing_can_be_kept_is_an_error_and_leaves_nothing_behind(path, tmp_path):
    with pytest.raises(OSError, match=r"x\.graph"):
        cache.write(path / "x.graph", HEADER, ARRAYS)
    folder = tmp_path / "taken" / "x.graph"
    folder.mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        cache.write(folder, HEADER, ARRAYS)
    assert sorted(tmp_path.rglob("*")) == sorted([path.parent, path, folder.parent, folder])


def test_the_folder_is_that_of_the_environment_else_the_users(monkeypatch, tmp_path):
    monkeypatch.setenv("LINEUP_CACHE_DIR", str(tmp_path / "named"))
    assert cache.folder() == tmp_path / "named"
    monkeypatch.setenv("LINEUP_CACHE_DIR", "")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "lineup"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "lineup"
    monkeypatch.setattr("sys.platform", "darwin")
    assert cache.folder() == tmp_path / "Library" / "Caches" / "lineup"


def test_a_user_without_a_home_keeps_nothing(monkeypatch):
    def homeless() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("LINEUP_CACHE_DIR", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", homeless)
    assert os.devnull in str(cache.folder())
    with pytest.raises(OSError, match="null"):
        cache.write(cache.folder() / "x.graph", HEADER, ARRAYS)
    assert cache.read(cache.folder() / "x.graph", KEY) is None


def test_of_each_name_the_newest_are_kept(tmp_path):
    for number in range(cache.KEPT + 2):
        path = tmp_path / f"mnist-lenet-{number}.graph"
        cache.write(path, HEADER, ARRAYS)
        os.utime(path, (number, number))
    cache.write(tmp_path / "fashion-mnist-lenet-0.graph", HEADER, ARRAYS)
    last = tmp_path / "mnist-lenet-last.graph"
    cache.write(last, HEADER, ARRAYS)
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == [
        "fashion-mnist-lenet-0.graph",
        "mnist-lenet-3.graph",
        "mnist-lenet-4.graph",
        "mnist-lenet-last.graph",
    ]
