"""Small datasets in the files that torchvision reads, made by the tests."""

from __future__ import annotations

import struct
from collections.abc import Callable
from functools import cache
from pathlib import Path

from models.datasets import DATASETS


@cache
def bars(k: int) -> bytes:
    """A picture that a network can learn: a bright bar in one of ten places, as its label k mod 10 says, with some
    noise within a margin of black, as MNIST's own have.
    """
    row = 2 * (k % 10) + 4

    def value(y: int, x: int) -> int:
        if y in (row, row + 1) and 4 <= x < 24:
            return 220
        return (k * 7 + x * y) % 61 if 4 <= x < 24 and 4 <= y < 24 else 0

    return bytes(value(y, x) for y in range(28) for x in range(28))


def write_idx(
    folder: Path, stem: str, count: int, *, labels: int | None = None, picture: Callable[[int], bytes] = bars
) -> None:
    """``stem`` is "train" or "t10k"; ``labels``: how many, if not ``count``; label k is k mod 10."""
    folder.mkdir(parents=True, exist_ok=True)
    pictures = b"".join(picture(k) for k in range(count))
    (folder / f"{stem}-images-idx3-ubyte").write_bytes(struct.pack(">IIII", 0x803, count, 28, 28) + pictures)
    labels = count if labels is None else labels
    told = bytes(k % 10 for k in range(labels))
    (folder / f"{stem}-labels-idx1-ubyte").write_bytes(struct.pack(">II", 0x801, labels) + told)


def write_dataset(data_dir: Path, name: str, train: int, test: int) -> Path:
    """Both splits of one dataset below ``data_dir``; returns the folder of its files."""
    raw = data_dir / DATASETS[name].folder / "raw"
    write_idx(raw, "train", train)
    write_idx(raw, "t10k", test)
    return raw
