"""What a sparse tensor may hold: as many values as are ever written, and no more."""

import numpy as np
import pytest

from models.checkpoints import codings, file_format
from models.checkpoints.file_format import CheckpointError

SHAPE = (256, 512)
SIZE = 256 * 512
WANTED = {"sparse": (SHAPE, "float32")}


def with_ones(first: int, count: int) -> codings.Array:
    tensor = np.zeros(SIZE, np.float32)
    tensor[first : first + count] = 1
    return tensor.reshape(SHAPE)


@pytest.mark.parametrize("count", [SIZE // 4 + 1, SIZE // 2, SIZE])
def test_a_sparse_tensor_with_more_values_than_are_ever_written_is_refused(tmp_path, monkeypatch, count):
    """Before they are unpacked: each takes many times its byte while it is placed, and packs into almost nothing."""
    path, unpacked, unpack = tmp_path / "x.lineup", [], codings.unpack
    with monkeypatch.context() as patch:
        patch.setattr(codings, "SPARSE_BELOW", 2)
        file_format.write(path, {}, {"sparse": with_ones(0, count)})
    monkeypatch.setattr(codings, "unpack", lambda packed, length: unpacked.append(length) or unpack(packed, length))
    with pytest.raises(CheckpointError, match=r"sparse does not decode: a stream says \d+ bytes; wanted 0 to 3\d{4}$"):
        file_format.read(path, WANTED)
    assert max(unpacked) <= SIZE // 4 + SIZE // 255


@pytest.mark.parametrize("first", [0, SIZE // 2, 3 * SIZE // 4 + 1])
def test_as_many_values_as_are_written_are_read_wherever_they_are(tmp_path, first):
    """Those at the end come after as many jumps as there can be."""
    written = with_ones(first, SIZE // 4 - 1)
    assert codings.encode(written)[0] == "sparse-int8"
    file_format.write(tmp_path / "x.lineup", {}, {"sparse": written})
    back = file_format.read(tmp_path / "x.lineup", WANTED)[1]["sparse"]
    assert np.array_equal(back != 0, written != 0)
