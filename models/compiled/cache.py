"""Where compiled networks are kept: one file each, whole or not at all, and never believed without a look.

Layout, little-endian: magic, length of the header, header (JSON: what the file was made from, and its arrays), the
arrays one after another, SHA-256 of all before. A file that is damaged, or was made from something else, is as good as
none.
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from models.checkpoints import atomic
from models.checkpoints.codings import Array

MAGIC = b"LINEUPG\x01"
MAX_FILE = 1 << 30  # bytes; the largest, VGG-11's in float32, has 45 MB
DTYPES = ("uint8", "float32", "int32")


@dataclass(frozen=True)
class Compiled:
    """What is in a file of the cache; ``digest`` is the SHA-256 that it ends with, in hex."""

    header: dict[str, Any]
    arrays: dict[str, Array]
    digest: str


def folder() -> Path:
    """LINEUP_CACHE_DIR, else the user's cache folder; whether or not it is there."""
    if named := os.environ.get("LINEUP_CACHE_DIR"):
        return Path(named)
    if sys.platform == "win32":
        above = os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local"
    elif sys.platform == "darwin":
        above = Path.home() / "Library" / "Caches"
    else:
        above = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(above) / "lineup"


def write(path: Path, header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Compiled:
    """Keep a compiled network. OSError where that cannot be."""
    made = build(header, arrays)
    with atomic.replacing(path) as file:
        file.writelines([*_body(made.header, made.arrays), bytes.fromhex(made.digest)])
    return made


def build(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> Compiled:
    """The same in memory alone, where nothing can be kept."""
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
    except (ValueError, KeyError, TypeError, struct.error):
        return None
    if any(header.get(key) != value for key, value in made_from.items()):
        return None
    return Compiled(header, arrays, told.hex())


def _body(header: Mapping[str, Any], arrays: Mapping[str, Array]) -> list[bytes]:
    listing = [[name, str(array.dtype), list(array.shape)] for name, array in arrays.items()]
    text = json.dumps({"header": header, "arrays": listing}, sort_keys=True).encode()
    return [MAGIC, struct.pack("<I", len(text)), text, *(array.tobytes() for array in arrays.values())]


def _parse(body: memoryview) -> tuple[dict[str, Any], dict[str, Array]]:
    (length,) = struct.unpack_from("<I", body, len(MAGIC))
    at = len(MAGIC) + 4
    told = json.loads(bytes(body[at : at + length]))
    at += length
    arrays = {}
    for name, dtype, shape in told["arrays"]:
        if dtype not in DTYPES:
            raise ValueError(f"an array of {dtype}")
        count = int(np.prod(shape))
        arrays[name] = np.frombuffer(body, dtype, count, at).reshape(shape).copy()
        at += arrays[name].nbytes
    return told["header"], arrays
