"""Where compiled networks are kept: one file each, whole or not at all, and never believed without a look.

Layout, little-endian: magic, length of the header, header (JSON: what the file was made from, and its arrays), the
arrays one after another, SHA-256 of all before. A file that is damaged, or was made from something else, is as good as
none.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import struct
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from models.checkpoints import atomic
from models.checkpoints.codings import Array

MAGIC = b"LINEUPG\x01"
KEPT = 3  # of each name: a checkpoint before and after it was trained on, or two versions side by side
MAX_FILE = 1 << 30  # bytes; the largest, VGG-11's in float32, has 45 MB
DTYPES = ("uint8", "float32", "int32")


@dataclass(frozen=True)
class Compiled:
    """What is in a file of the cache; ``digest`` is the SHA-256 that it ends with, in hex. ``kept``: the file is there;
    else it lives in memory alone.
    """

    header: dict[str, Any]
    arrays: dict[str, Array]
    digest: str
    kept: bool = False


def folder() -> Path:
    """LINEUP_CACHE_DIR, else the user's cache folder; whether or not it is there."""
    if named := os.environ.get("LINEUP_CACHE_DIR"):
        return Path(named)
    try:
        return _of_user() / "lineup"
    except RuntimeError:  # a user without a home: nothing can be kept, and `write` says so
        return Path(os.devnull) / "lineup"


def _of_user() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Compiled:
    """Keep a compiled network, and of those of its name before it the newest ones. OSError where that cannot be.

    ``path`` ends in a hyphen and what tells it from others of its name.
    """
    made = build(header, arrays)
    with atomic.replacing(path) as file:
        file.writelines([*_body(made.header, made.arrays), bytes.fromhex(made.digest)])
    _forget(path)
    return replace(made, kept=True)


def _forget(path: Path) -> None:
    """Delete the oldest of a name, so that years of checkpoints and versions fill no disk."""
    name = path.stem.rpartition("-")[0]
    same = [other for other in path.parent.glob(f"{name}-*{path.suffix}") if other.stem.rpartition("-")[0] == name]
    with suppress(OSError):  # another process does the same at the same time
        for old in sorted(same, key=lambda other: other.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink(missing_ok=True)


def build(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Compiled:
    """The same in memory alone, where nothing can be kept: ``header`` JSON-able, arrays of DTYPES."""
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    digest = hashlib.sha256()
    for part in _body(header, whole):
        digest.update(part)
    return Compiled(dict(header), whole, digest.hexdigest())


def read(path: Path, made_from: Mapping[str, Any]) -> Compiled | None:
    """What was kept, if it is whole and its header says that it was made from the same; None otherwise."""
    try:
        if path.stat().st_size > MAX_FILE:
            return None
        data = path.read_bytes()
    except OSError:
        return None
    body, told = memoryview(data)[:-32], data[-32:]
    if data[: len(MAGIC)] != MAGIC or hashlib.sha256(body).digest() != told:
        return None
    try:
        header, arrays = _parse(body)
    except (ValueError, KeyError, TypeError, RecursionError, struct.error):
        return None
    if any(header.get(key) != value for key, value in made_from.items()):
        return None
    return Compiled(header, arrays, told.hex(), kept=True)


def _body(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> list[bytes]:
    listing = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({"header": header, "arrays": listing}, sort_keys=True).encode()
    return [MAGIC, struct.pack("<I", len(text)), text, *(array.tobytes() for array in arrays.values())]


def _parse(body: memoryview) -> tuple[dict[str, Any], dict[str, Array]]:
    """Header and arrays; one of the errors that ``read`` catches if they are not what ``build`` makes."""
    (length,) = struct.unpack_from("<I", body, len(MAGIC))
    start = len(MAGIC) + 4
    if length > len(body) - start:
        raise ValueError(f"a header of {length} bytes where {len(body) - start} are left")
    told = json.loads(bytes(body[start : start + length]))
    rest = body[start + length :]
    arrays = {}
    for name, dtype, shape in told["arrays"]:
        if dtype not in DTYPES or not all(type(side) is int and side >= 0 for side in shape):
            raise ValueError(f"an array of {dtype} {shape}")
        size = math.prod(shape) * np.dtype(dtype).itemsize
        if size > len(rest):
            raise ValueError(f"an array of {size} bytes where {len(rest)} are left")
        arrays[name] = np.frombuffer(rest[:size], dtype).reshape(shape).copy()
        rest = rest[size:]
    if rest or not isinstance(told["header"], dict):
        raise ValueError("more than its arrays, or a header that is none")
    return told["header"], arrays
