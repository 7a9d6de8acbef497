"""The IDX files of the two datasets as arrays; needs NumPy alone, so that what serves can read them too."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from models.datasets import SIDE, Dataset

Split = Literal["train", "test"]
UInt8 = npt.NDArray[np.uint8]

UNSIGNED_BYTES = 8  # IDX's code of this type
STEMS = {"train": "train", "test": "t10k"}


class DataError(RuntimeError):
    """Files of data are missing or damaged, or what reads them is not installed; the message says what to do."""


def folder_of(dataset: Dataset, data_dir: str | Path) -> Path:
    """Where torchvision puts the files of a dataset below ``data_dir``."""
    return Path(data_dir) / dataset.folder / "raw"


def missing(dataset: Dataset, split: Split, data_dir: str | Path) -> list[str]:
    """The files of a split, pictures and labels, that are there neither plain nor as .gz."""
    return [name for name in _names(split) if _place(folder_of(dataset, data_dir), name) is None]


def read_split(dataset: Dataset, split: Split, data_dir: str | Path) -> tuple[UInt8, UInt8]:
    """Pictures uint8 [N, 28, 28] and labels uint8 [N], 0 to 9, from files that are there.

    FileNotFoundError where one is missing; DataError, which says what to do, where one cannot be read or is no IDX
    file, or the two do not belong together.
    """
    folder = folder_of(dataset, data_dir)
    try:
        pictures, labels = (_read(_there(folder, name), side) for name, side in zip(_names(split), (3, 1), strict=True))
    except FileNotFoundError:
        raise
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise DataError(
            f"cannot load {dataset.title} ({split}) from {folder}: {error}. A file there is damaged or cannot be read: "
            f"delete the folder and fetch the files again"
        ) from error
    _check(pictures, labels, folder)
    return pictures, labels


def _names(split: Split) -> list[str]:
    return [f"{STEMS[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]


def _place(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _there(folder: Path, name: str) -> Path:
    if (path := _place(folder, name)) is None:
        raise FileNotFoundError(f"there is no {name} in {folder}")
    return path


def _read(path: Path, sides: int) -> UInt8:
    """The bytes of an IDX file as an array of so many ``sides``. ValueError if it holds anything else, or less."""
    data = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    wanted, start = bytes((0, 0, UNSIGNED_BYTES, sides)), 4 + 4 * sides
    if data[:4] != wanted or len(data) < start:
        begins = f"{path.name} begins with {data[:4].hex(' ') or 'nothing'}"
        raise ValueError(f"{begins}, wanted {wanted.hex(' ')}, then {sides} sizes")
    shape = [int(side) for side in np.frombuffer(data, ">u4", sides, 4)]
    if math.prod(shape) != len(data) - start:
        said = " x ".join(map(str, shape))
        raise ValueError(f"{path.name} says that it has {said} bytes after its header and has {len(data) - start}")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape).copy()


def _check(pictures: UInt8, labels: UInt8, folder: Path) -> None:
    if pictures.shape[1:] != (SIDE, SIDE):
        told = f"{pictures.dtype} {list(pictures.shape)}"
        raise DataError(f"{folder} holds pictures of {told}, wanted uint8 [N, 28, 28]: delete it")
    if len(labels) != len(pictures) or not len(labels) or labels.max() > 9:
        told = f"{len(labels)} labels for {len(pictures)} pictures, or labels outside 0..9"
        raise DataError(f"{folder} holds {told}: delete it and fetch the files again")
