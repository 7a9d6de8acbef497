"""The file format of a checkpoint: a JSON header and entropy-coded tensors, no pickle anywhere; needs NumPy alone.

Layout, little-endian::

    8 bytes   magic  b"LINEUP\\x01\\n"
    4 bytes   length of the header
    header    JSON: the caller's own keys, and "tensors": name, shape, coding, and of each byte stream its length in
              the payload and unpacked
    payload   the streams one after another, each Huffman-coded (zlib)
    32 bytes  SHA-256 of everything before

How arrays become streams is told in ``codings``. Every name, shape, dtype and length is checked against what the
caller expects before memory is taken for it.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

from models.checkpoints import atomic, codings
from models.checkpoints.codings import Array, Shape

MAGIC = b"LINEUP\x01\n"
MAX_FILE = 256 << 20  # bytes; shipped files have at most 16 MiB, VGG-11 before it is made sparse has 125
MAX_HEADER = 4 << 20  # bytes; the largest header written so far is 60 KiB
MAX_NESTING = 32  # levels of the header; so it can be compared, shown and written again without another check

Wanted = Mapping[str, tuple[Shape, str]]  # name -> shape, and dtype: "float32" or "int64"
Decode = Callable[[str, Sequence[bytes], Shape], Any]


class CheckpointError(ValueError):
    """A checkpoint that cannot be trusted: damaged, truncated, of another network, or of an unknown kind."""


@dataclass(frozen=True)
class Content:
    """What is in a whole and undamaged file: ``header`` with the file's "digest" (SHA-256, hex), and the tensors,
    listed and packed, of which nothing is believed yet.
    """

    path: Path
    header: dict[str, Any]
    listing: list[Any]
    payload: memoryview


@dataclass(frozen=True)
class _Entry:
    """One tensor of the listing: ``streams`` are pairs (bytes in the payload, bytes unpacked)."""

    name: str
    shape: Shape
    coding: str
    streams: list[tuple[int, int]]


def write(path: str | Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> str:
    """Write ``arrays`` (float32 or int64) with ``header`` (JSON-able) to ``path``, whole or not at all; return the
    digest.

    Raises CheckpointError if a weight is not finite, an array is of another dtype, or the file would be too large to
    be read. float arrays of 32,768 elements and more are rounded to int8: read the file back before measuring it.
    """
    listing: list[dict[str, Any]] = []
    payload: list[bytes] = []
    for name, array in arrays.items():
        try:
            coding, streams = codings.encode(array)
        except ValueError as error:
            raise CheckpointError(f"{path} is not written: {name}: {error}") from error
        packed = [codings.pack(stream) for stream in streams]
        sizes = [[len(a), len(b)] for a, b in zip(packed, streams, strict=True)]
        listing.append({"name": name, "shape": list(array.shape), "coding": coding, "streams": sizes})
        payload += packed
    return _assemble(Path(path), {**header, "tensors": listing}, payload)


def amend(path: str | Path, changes: Mapping[str, Any]) -> str:
    """Set these keys of a file's header and return the new digest; not a byte of the tensors changes."""
    content = open_file(path)
    header = {key: value for key, value in content.header.items() if key != "digest"}
    return _assemble(content.path, {**header, **changes, "tensors": content.listing}, [content.payload])


def _assemble(path: Path, header: dict[str, Any], payload: Sequence[bytes | memoryview]) -> str:
    text = json.dumps(header).encode()  # ASCII: a lone surrogate, which JSON can hold, has no UTF-8
    body = b"".join([MAGIC, struct.pack("<I", len(text)), text, *payload])
    for told, size, most in (("header", len(text), MAX_HEADER), ("file", len(body) + 32, MAX_FILE)):
        if size > most:
            raise CheckpointError(f"{path} is not written: a {told} of {size} bytes; at most {most} are read")
    if not nested_at_most(header, MAX_NESTING):
        raise CheckpointError(f"{path} is not written: a header nested too deep; at most {MAX_NESTING} levels are read")
    digest = hashlib.sha256(body)
    with atomic.replacing(path) as file:
        file.writelines([body, digest.digest()])
    return digest.hexdigest()


def read_header(path: str | Path) -> dict[str, Any]:
    """The header of a whole and undamaged file, with its "digest" (SHA-256, hex) and without the listing of tensors.

    Raises CheckpointError for anything else.
    """
    return open_file(path).header


def read(path: str | Path, wanted: Wanted) -> tuple[dict[str, Any], dict[str, Array]]:
    """Read a file whose tensors must have exactly these names, shapes and dtypes; the header is as ``read_header``
    gives it.

    Raises CheckpointError, naming both sides, for any difference.
    """
    content = open_file(path)
    return content.header, unpack(content, wanted)


def open_file(path: str | Path) -> Content:
    """Read a file once; of its content the SHA-256 and the header's form are checked. Raises CheckpointError."""
    path = Path(path)
    data = _bytes_of(path)
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
    header = _parse(path, data[start : start + length])
    listing = header.pop("tensors")
    return Content(path, {**header, "digest": digest.hex()}, listing, memoryview(data)[start + length : -32])


def unpack(content: Content, wanted: Wanted, decode: Decode = codings.decode) -> dict[str, Any]:
    """The tensors of a file, which must be exactly those wanted: float32 and int64, each with its own memory; or what
    another ``decode`` makes of their coding, streams and shape.

    Raises CheckpointError, naming both sides, for any difference.
    """
    entries = [_entry(content.path, listed) for listed in content.listing]
    _compare(content.path, entries, wanted)
    arrays: dict[str, Any] = {}
    rest = content.payload
    for entry in entries:
        try:
            arrays[entry.name], rest = _decode(entry, rest, decode)
        except ValueError as error:
            raise CheckpointError(f"{content.path}: {entry.name} does not decode: {error}") from error
    if rest:
        told = f"{len(content.payload)} bytes of tensors, its header tells of {len(content.payload) - len(rest)}"
        raise CheckpointError(f"{content.path} holds {told}")
    return arrays


def _bytes_of(path: Path) -> bytes:
    """All of a file; of one that has grown since its size was asked for a byte more, and the SHA-256 tells."""
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size > MAX_FILE:
                raise CheckpointError(f"{path} has {size} bytes; a checkpoint has at most {MAX_FILE}")
            return file.read(size + 1)
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error


def _parse(path: Path, text: bytes) -> dict[str, Any]:
    too_deep = CheckpointError(f"{path}: its header is nested too deep; at most {MAX_NESTING} levels are read")
    try:
        header = json.loads(text)
    except ValueError as error:
        raise CheckpointError(f"{path}: its header is not JSON: {error}") from error
    except RecursionError as error:
        raise too_deep from error
    if not nested_at_most(header, MAX_NESTING):
        raise too_deep
    if not isinstance(header, dict) or not isinstance(header.get("tensors"), list):
        raise CheckpointError(f"{path}: its header lists no tensors")
    return header


def nested_at_most(value: object, levels: int) -> bool:
    """Whether JSON-able ``value`` is nested no deeper; goes level by level, so no nesting is too deep to be seen."""
    inside: list[Any] = [value] if isinstance(value, dict | list | tuple) else []
    for _ in range(levels):
        inside = [part for each in inside for part in (each.values() if isinstance(each, dict) else each)]
        inside = [part for part in inside if isinstance(part, dict | list | tuple)]
    return not inside


def _entry(path: Path, listed: object) -> _Entry:
    match listed:
        case {"name": str(name), "shape": [*shape], "coding": str(coding), "streams": [*streams]} if _are_sizes(
            shape
        ) and all(isinstance(each, list) and len(each) == 2 and _are_sizes(each) for each in streams):
            return _Entry(name, tuple(shape), coding, [(packed, length) for packed, length in streams])
    wanted = "a name and a coding (text), a shape (whole numbers), streams (pairs of whole numbers)"
    raise CheckpointError(f"{path}: its listing of tensors is malformed: {shortened(listed)}; wanted {wanted}")


def _are_sizes(values: Sequence[object]) -> bool:
    return all(type(value) is int and value >= 0 for value in values)  # bool is an int to isinstance


def _compare(path: Path, entries: Sequence[_Entry], wanted: Wanted) -> None:
    """Each tensor once, in a coding that is known, of the shape and dtype that are wanted."""
    for entry in entries:
        if entry.coding not in codings.DTYPES:
            raise CheckpointError(f"{path} uses the coding {shortened(entry.coding)}; known are {[*codings.DTYPES]}")
    found = {entry.name: (entry.shape, codings.DTYPES[entry.coding]) for entry in entries}
    if len(found) != len(entries):
        raise CheckpointError(f"{path} lists a tensor twice: {len(entries)} entries, {len(found)} names")
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            here, there = (_told(side.get(name)) for side in (found, wanted))
            told = name if name in wanted else shortened(name)
            raise CheckpointError(f"{path} holds {here} for {told}; the network has {there}")


def _told(tensor: tuple[Shape, str] | None) -> str:
    return "nothing" if tensor is None else f"{shortened(tensor[0])} {tensor[1]}"


def _decode(entry: _Entry, payload: memoryview, decode: Decode) -> tuple[Any, memoryview]:
    """The array of an entry whose streams begin the payload, and the rest of the payload. ValueError if they do not
    belong to it.
    """
    bounds = codings.lengths(entry.coding, entry.shape)
    if len(bounds) != len(entry.streams):
        raise ValueError(f"it has {len(entry.streams)} streams; {entry.coding} has {len(bounds)}")
    streams = []
    for (packed, length), (least, most) in zip(entry.streams, bounds, strict=True):
        if not least <= length <= most:
            raise ValueError(f"a stream says {length} bytes; wanted {least if least == most else f'{least} to {most}'}")
        if packed > len(payload):
            raise ValueError(f"a stream says {packed} packed bytes; {len(payload)} are left")
        streams.append(codings.unpack(payload[:packed], length))
        payload = payload[packed:]
    return decode(entry.coding, streams, entry.shape), payload
