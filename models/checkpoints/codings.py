"""Arrays to byte streams and back: the four codings of a checkpoint's tensors, and the packing of each stream.

``float32``, ``int64``
    as it is: everything small (biases, batch statistics, LeNet).
``int8``
    symmetric, with one float32 scale an output channel (axis 0): ``weight = scale[channel] * value``. The step is a
    sixteenth of the channel's standard deviation, wider only where the largest weight would not fit in 127 steps. A
    finer step costs file size (its entropy grows by a bit each halving) and buys nothing: rounding at sigma/16 is
    noise 35 dB under the weights.
``sparse-int8``
    the same for a matrix with less than a quarter nonzero, and no other is read: the gaps between nonzeros in row order
    as bytes (255: go on 255 places, no value here), then the values.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

INT8_FROM = 1 << 15  # elements; smaller tensors stay exact, they would save nothing
STEPS_PER_SIGMA = 16
SPARSE_BELOW = 0.25
MAX_SCALE = float(np.finfo(np.float32).max) / 128  # of a larger one the product with an int8 may not be finite

# Coding -> dtype of the array that it gives back.
DTYPES: Mapping[str, str] = MappingProxyType(
    {"float32": "float32", "int64": "int64", "int8": "float32", "sparse-int8": "float32"}
)

Array = npt.NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Nonzeros:
    """A sparse array: ``values`` float32 at ``places``, which count in row order and rise; zero everywhere else."""

    places: Array
    values: Array
    shape: Shape

    @classmethod
    def of(cls, array: Array) -> Nonzeros:
        """What is not zero in ``array``."""
        places = np.flatnonzero(array)
        return cls(places, array.reshape(-1)[places], array.shape)

    def dense(self) -> Array:
        """The array with its zeros."""
        dense = np.zeros(math.prod(self.shape), np.float32)
        dense[self.places] = self.values
        return dense.reshape(self.shape)


def encode(array: Array) -> tuple[str, list[bytes]]:
    """The coding of a float32 or int64 array, and its streams. ValueError for another dtype or a weight that is not
    finite.
    """
    if array.dtype == np.int64:
        return "int64", [array.tobytes()]
    if array.dtype != np.float32:
        raise ValueError(f"it is {array.dtype}; wanted float32 or int64")
    if not np.isfinite(array).all():
        raise ValueError("there are weights that are not finite; a network that diverged is not saved")
    if array.ndim < 2 or array.size < INT8_FROM:
        return "float32", [array.tobytes()]
    if np.count_nonzero(array) < SPARSE_BELOW * array.size:
        return "sparse-int8", _encode_sparse(array)
    return "int8", _encode_int8(array)


def lengths(coding: str, shape: Shape) -> list[tuple[int, int]]:
    """The least and the most bytes of each stream of a tensor. ValueError if the coding is not for that shape."""
    size = math.prod(shape)
    if coding in ("float32", "int64"):
        exact = size * np.dtype(DTYPES[coding]).itemsize
        return [(exact, exact)]
    if not shape or not size:
        raise ValueError(f"{coding} is for tensors with channels, this one has the shape {shape}")
    scales = (4 * shape[0], 4 * shape[0])
    if coding == "int8":
        return [scales, (size, size)]
    # No more values than are ever written: while they are placed each takes 8 bytes several times over, and a file of
    # 100 KB can hold a hundred million. A jump is over 255 places.
    most = int(SPARSE_BELOW * size)
    return [scales, (0, most + size // 255), (0, most)]


def decode(coding: str, streams: Sequence[bytes], shape: Shape) -> Array:
    """The array of ``shape`` in streams whose lengths are of ``lengths``: float32 or int64, its own memory.

    ValueError if a weight or scale is not a sound number, or a sparse tensor's places do not fit.
    """
    if coding == "int8":
        return _decode_int8(streams, shape)
    if coding == "sparse-int8":
        return _decode_sparse(streams, shape).dense()
    array = np.frombuffer(streams[0], "<i8" if coding == "int64" else "<f4").reshape(shape).copy()
    if coding == "float32" and not np.isfinite(array).all():
        raise ValueError("there are weights that are not finite")
    return array


def _quantise(weights: Array) -> tuple[Array, Array]:
    """float32 [C, ...] -> (float32 scale [C], int8 of the weights' shape). All-zero channels get scale 1."""
    rows = weights.reshape(len(weights), -1)
    used = np.maximum((rows != 0).sum(axis=1), 1)
    sigma = np.sqrt((rows.astype(np.float64) ** 2).sum(axis=1) / used)
    scale = np.maximum(np.abs(rows).max(axis=1) / 127, sigma / STEPS_PER_SIGMA).astype(np.float32)
    scale[scale == 0] = 1
    return scale, np.rint(rows / scale[:, None]).astype(np.int8).reshape(weights.shape)


def _encode_int8(array: Array) -> list[bytes]:
    scale, values = _quantise(array)
    return [scale.tobytes(), values.tobytes()]


def _encode_sparse(array: Array) -> list[bytes]:
    scale, dense = _quantise(array)
    values = dense.reshape(-1)
    places = np.flatnonzero(values)
    gaps = np.diff(places, prepend=-1) - 1
    jumps = gaps // 255
    stream = np.full(len(gaps) + int(jumps.sum()), 255, np.uint8)
    stream[np.arange(len(gaps)) + np.cumsum(jumps)] = gaps % 255
    return [scale.tobytes(), stream.tobytes(), values[places].tobytes()]


def _scales(stream: bytes) -> Array:
    """float32 [C], each above 0 and small enough that every weight is finite."""
    scale = np.frombuffer(stream, "<f4")
    if not ((scale > 0) & (scale <= MAX_SCALE)).all():
        raise ValueError(f"its scales go from {scale.min()} to {scale.max()}; wanted above 0, up to {MAX_SCALE:.3g}")
    return scale


def _decode_int8(streams: Sequence[bytes], shape: Shape) -> Array:
    scale = _scales(streams[0])
    values = np.frombuffer(streams[1], np.int8).reshape(len(scale), -1)
    weights: Array = (values * scale[:, None]).reshape(shape)
    return weights


def keep_sparse(coding: str, streams: Sequence[bytes], shape: Shape) -> Array | Nonzeros:
    """``decode``, but what is sparse stays so: VGG-11's first fully connected layer has 411 MB with its zeros."""
    return _decode_sparse(streams, shape) if coding == "sparse-int8" else decode(coding, streams, shape)


def _decode_sparse(streams: Sequence[bytes], shape: Shape) -> Nonzeros:
    scale = _scales(streams[0])
    gaps = np.frombuffer(streams[1], np.uint8)
    values = np.frombuffer(streams[2], np.int8)
    here = gaps != 255
    places = np.cumsum(gaps + here.astype(np.int64))[here] - 1
    size = math.prod(shape)
    if len(places) != len(values) or (len(places) and places[-1] >= size):
        raise ValueError(f"{len(values)} values do not fit the {len(places)} places of a {shape} tensor")
    return Nonzeros(places, values * scale[places // (size // shape[0])], shape)


def pack(stream: bytes) -> bytes:
    """Entropy coding alone: weights have no repeats for a match finder to find, and it would look for them all the
    same.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(stream) + packer.flush()


def unpack(packed: bytes | memoryview, length: int) -> bytes:
    """The stream of ``length`` bytes in ``packed``; no more memory is taken. ValueError if it is another length, or
    not packed.
    """
    try:
        stream = zlib.decompressobj(-15).decompress(packed, length + 1)
    except zlib.error as error:
        raise ValueError(f"a stream does not unpack: {error}") from error
    if len(stream) != length:
        more = " or more" if len(stream) > length else ""
        raise ValueError(f"a stream unpacks to {len(stream)} bytes{more}, its header says {length}")
    return stream
