"""The file format of a checkpoint: a JSON header and entropy-coded tensors, no pickle anywhere.

Layout, little-endian::

    8 bytes   magic  b"LINEUP\\x01\\n"
    4 bytes   length of the header
    header    JSON: the caller's own keys, and "tensors": name, shape, coding, and the byte streams of each tensor
    payload   the streams one after another, each Huffman-coded (zlib)
    32 bytes  SHA-256 of everything before

A tensor is stored in one of four codings:

``float32``, ``int64``
    as it is: everything small (biases, batch statistics, LeNet).
``int8``
    symmetric, with one float32 scale an output channel (axis 0): ``weight = scale[channel] * value``. The step is a
    sixteenth of the channel's standard deviation, wider only where the largest weight would not fit in 127 steps. A
    finer step costs file size (its entropy grows by a bit each halving) and buys nothing: rounding at sigma/16 is
    noise 35 dB under the weights.
``sparse-int8``
    the same for a matrix with less than a quarter nonzero: the gaps between nonzeros in row order as bytes (255: go on
    255 places, no value here), then the values.

Every shape and length is checked against what the caller expects before memory is taken for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

MAGIC = b"LINEUP\x01\n"
MAX_HEADER = 4 << 20  # bytes; the largest header written so far is 60 KiB
INT8_FROM = 1 << 15  # elements; smaller tensors stay exact, they would save nothing
STEPS_PER_SIGMA = 16
SPARSE_BELOW = 0.25

Array = npt.NDArray[Any]
Shapes = Mapping[str, Sequence[int]]


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted: damaged, truncated, of another network, or of an unknown kind."""


# ---- codings: array -> streams, and back


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


def _decode_int8(streams: list[bytes], shape: tuple[int, ...]) -> Array:
    scale = np.frombuffer(streams[0], "<f4")
    values = np.frombuffer(streams[1], np.int8).reshape(len(scale), -1)
    weights: Array = (values * scale[:, None]).reshape(shape)
    return weights


def _decode_sparse(streams: list[bytes], shape: tuple[int, ...]) -> Array:
    scale = np.frombuffer(streams[0], "<f4")
    gaps = np.frombuffer(streams[1], np.uint8)
    values = np.frombuffer(streams[2], np.int8)
    here = gaps != 255
    places = np.cumsum(gaps + here.astype(np.int64))[here] - 1
    size = int(np.prod(shape))
    if len(places) != len(values) or (len(places) and places[-1] >= size):
        raise ValueError(f"{len(values)} values do not fit the {len(places)} places of a {shape} tensor")
    dense = np.zeros(size, np.float32)
    dense[places] = values * scale[places // (size // shape[0])]
    return dense.reshape(shape)


def _encode(array: Array) -> tuple[str, list[bytes]]:
    if array.dtype == np.int64:
        return "int64", [array.tobytes()]
    if not np.isfinite(array).all():
        raise CheckpointError("there are weights that are not finite; a network that diverged is not saved")
    if array.ndim < 2 or array.size < INT8_FROM:
        return "float32", [array.tobytes()]
    if np.count_nonzero(array) < SPARSE_BELOW * array.size:
        return "sparse-int8", _encode_sparse(array)
    return "int8", _encode_int8(array)


def _plain(dtype: str) -> Callable[[list[bytes], tuple[int, ...]], Array]:
    return lambda streams, shape: np.frombuffer(streams[0], dtype).reshape(shape).copy()


_DECODERS: dict[str, Callable[[list[bytes], tuple[int, ...]], Array]] = {
    "float32": _plain("<f4"),
    "int64": _plain("<i8"),
    "int8": _decode_int8,
    "sparse-int8": _decode_sparse,
}


def _largest_lengths(coding: str, shape: Sequence[int]) -> list[int]:
    """Bytes that each stream of a tensor may unpack to at the most: exact, but for the gaps and values of a sparse
    one.
    """
    size = int(np.prod(shape, dtype=np.int64))
    if coding in ("float32", "int64"):
        return [size * (4 if coding == "float32" else 8)]
    return [4 * shape[0], size] if coding == "int8" else [4 * shape[0], size + size // 255, size]


# ---- the file


def _huffman(data: bytes) -> bytes:
    """Entropy coding alone: weights have no repeats for a match finder to find, and it would look for them all the
    same.
    """
    packer = zlib.compressobj(9, zlib.DEFLATED, -15, 9, zlib.Z_HUFFMAN_ONLY)
    return packer.compress(data) + packer.flush()


def write(path: str | Path, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Write ``tensors`` (float or int64) with ``header`` (JSON-able) to ``path``, whole or not at all; return the
    digest.

    Raises CheckpointError if a weight is not finite. float tensors of 32,768 elements and more are rounded to int8:
    read the file back before measuring it.
    """
    listing: list[dict[str, Any]] = []
    payload: list[bytes] = []
    for name, tensor in tensors.items():
        array = tensor.detach().cpu()
        array = array if array.dtype == torch.int64 else array.float()
        coding, streams = _encode(np.ascontiguousarray(array.numpy()))
        packed = [_huffman(stream) for stream in streams]
        sizes = [[len(a), len(b)] for a, b in zip(packed, streams, strict=True)]
        listing.append({"name": name, "shape": list(tensor.shape), "coding": coding, "streams": sizes})
        payload += packed
    return _assemble(Path(path), {**header, "tensors": listing}, payload)


def _assemble(path: Path, header: dict[str, Any], payload: Sequence[bytes | memoryview]) -> str:
    text = json.dumps(header, ensure_ascii=False).encode()
    body = b"".join([MAGIC, struct.pack("<I", len(text)), text, *payload])
    digest = hashlib.sha256(body)
    _replace(path, body + digest.digest())
    return digest.hexdigest()


def _replace(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), 0o644)  # mkstemp's 0600 would hide the checkpoint from the container's user
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink()
        raise


def _split(path: Path) -> tuple[dict[str, Any], memoryview, str]:
    """The header, the payload and the digest of a file whose SHA-256 is right."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    if data[: len(MAGIC)] != MAGIC:
        raise CheckpointError(f"{path} is not a Lineup checkpoint: it begins with {data[:8]!r}, not {MAGIC!r}")
    digest = hashlib.sha256(memoryview(data)[:-32]).digest()
    if len(data) < len(MAGIC) + 4 + 32 or digest != data[-32:]:
        told = f"its content has SHA-256 {digest.hex()[:16]}…, its last bytes say {data[-32:].hex()[:16]}…"
        raise CheckpointError(f"{path} ({len(data)} bytes) is damaged or truncated: {told}")
    (length,) = struct.unpack_from("<I", data, len(MAGIC))
    start = len(MAGIC) + 4
    if length > min(MAX_HEADER, len(data) - 32 - start):
        raise CheckpointError(f"{path}: a header of {length} bytes does not fit a file of {len(data)} bytes")
    try:
        header = json.loads(data[start : start + length])
    except ValueError as error:
        raise CheckpointError(f"{path}: its header is not JSON: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("tensors"), list):
        raise CheckpointError(f"{path}: its header lists no tensors")
    return header, memoryview(data)[start + length : -32], digest.hex()


def amend(path: str | Path, changes: Mapping[str, Any]) -> str:
    """Set these keys of a file's header and return the new digest; not a byte of the tensors changes."""
    header, payload, _ = _split(Path(path))
    return _assemble(Path(path), {**header, **changes, "tensors": header["tensors"]}, [payload])


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a whole and undamaged file, with its "digest" (SHA-256, hex) and without the listing of tensors.

    Raises CheckpointError for anything else.
    """
    header, _, digest = _split(Path(path))
    del header["tensors"]
    return {**header, "digest": digest}


def read(path: str | Path, shapes: Shapes) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Read a file whose tensors must have exactly these names and shapes; the header is as ``read_header`` gives it.

    Returns float32 and int64 tensors on the CPU. Raises CheckpointError, naming both sides, for any difference.
    """
    path = Path(path)
    header, payload, digest = _split(path)
    tensors, offset = {}, 0
    listing = header.pop("tensors")
    _check_listing(path, listing, shapes)
    for entry in listing:
        where = f"{path}: {entry['name']}"
        try:
            limits = zip(entry["streams"], _largest_lengths(entry["coding"], entry["shape"]), strict=True)
            streams = []
            for (packed, length), limit in limits:
                if length > limit or packed > len(payload) - offset:
                    raise ValueError(f"a stream says {packed} bytes for {length}; at most {limit} belong there")
                streams.append(_unpack(payload[offset : offset + packed], length))
                offset += packed
            tensors[entry["name"]] = torch.from_numpy(_DECODERS[entry["coding"]](streams, tuple(entry["shape"])))
        except (ValueError, IndexError, zlib.error) as error:
            raise CheckpointError(f"{where} does not decode: {error}") from error
    if offset != len(payload):
        raise CheckpointError(f"{path} holds {len(payload)} bytes of tensors, its header tells of {offset}")
    return {**header, "digest": digest}, tensors


def _check_listing(path: Path, listing: list[Any], shapes: Shapes) -> None:
    """Each tensor once, in a coding that is known, of a shape that is wanted, with lengths that belong to it."""
    try:
        found = {entry["name"]: tuple(entry["shape"]) for entry in listing}
        for entry in listing:
            if entry["coding"] not in _DECODERS:
                raise CheckpointError(f"{path} uses the coding {entry['coding']!r}; known are {sorted(_DECODERS)}")
            if any(type(size) is not int or size < 0 for pair in entry["streams"] for size in pair):
                raise TypeError(f"the lengths {entry['streams']}")
    except (TypeError, KeyError) as error:
        raise CheckpointError(f"{path}: its listing of tensors is malformed: {error}") from error
    if len(found) != len(listing):
        raise CheckpointError(f"{path} lists a tensor twice: {len(listing)} entries, {len(found)} names")
    wanted = {name: tuple(shape) for name, shape in shapes.items()}
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            here, there = found.get(name, "nothing"), wanted.get(name, "nothing")
            raise CheckpointError(f"{path} holds {here} for {name}; the network has {there}")


def _unpack(packed: memoryview, length: int) -> bytes:
    data = zlib.decompressobj(-15).decompress(packed, length + 1)
    if len(data) != length:
        raise ValueError(f"a stream unpacks to {len(data)} bytes or more, its header says {length}")
    return data
