"""The two datasets as tensors, read from the IDX files of their authors.

A dataset is one uint8 tensor (47 MB), so it lives on the device whole and needs no DataLoader. The files lie where
torchvision puts them, which is asked only to fetch what is not there.
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from models import datasets
from models.datasets import SIDE, Dataset

HELD_OUT = 5_000  # training pictures kept aside for every choice; the test set is looked at once, at the end
UNSIGNED_BYTES = 8  # IDX's code of this type
STEMS = {"train": "train", "test": "t10k"}


class DataError(RuntimeError):
    """Files of data are missing or damaged, or what reads them is not installed; the message says what to do."""


def load_split(name: str, split: Literal["train", "test"], data_dir: str | Path) -> tuple[Tensor, Tensor]:
    """Pictures uint8 [N, 28, 28] and labels int64 [N], from the IDX files, plain or .gz, in ``data_dir``/MNIST/raw or
    /FashionMNIST/raw.

    Files that are not there are fetched by torchvision. Raises DataError, which says what to do, when they cannot be
    had or are damaged.
    """
    dataset = datasets.find(name)
    folder = Path(data_dir) / dataset.folder / "raw"
    names = [f"{STEMS[split]}-{kind}-ubyte" for kind in ("images-idx3", "labels-idx1")]
    try:
        if missing := [name for name in names if _place(folder, name) is None]:
            _fetch(dataset, split, data_dir, missing)
        pictures, labels = (_read(_there(folder, name), sides) for name, sides in zip(names, (3, 1), strict=True))
    except (OSError, EOFError, RuntimeError, ValueError, zlib.error) as error:
        raise DataError(
            f"cannot load {dataset.title} ({split}) from {folder}: {error or type(error).__name__}. "
            f"If files are there, one is damaged: delete the folder. Then run again with a network, or put "
            f"the four IDX files there (train-images-idx3-ubyte and its three companions, plain or .gz), or point "
            f"--data-dir to a folder that has {dataset.folder}/raw"
        ) from error
    _check(pictures, labels, folder)
    return torch.from_numpy(pictures), torch.from_numpy(labels.astype(np.int64))


def _place(folder: Path, name: str) -> Path | None:
    return next((path for path in (folder / name, folder / f"{name}.gz") if path.is_file()), None)


def _there(folder: Path, name: str) -> Path:
    if (path := _place(folder, name)) is None:
        raise FileNotFoundError(f"there is no {name} after fetching it, either")
    return path


def _fetch(dataset: Dataset, split: str, data_dir: str | Path, missing: list[str]) -> None:
    """Let torchvision download the dataset. RuntimeError, which names what is missing, if it cannot."""
    told = f"there is no {' and no '.join(missing)}"
    try:
        import torchvision  # belongs to the extra `torch`: reading what is there does without it
    except ImportError as error:
        raise RuntimeError(f"{told}, and fetching needs torchvision: pip install -e '.[torch]'") from error
    try:
        getattr(torchvision.datasets, dataset.folder)(str(data_dir), train=split == "train", download=True)
    except Exception as error:  # it also parses what it finds, and a damaged file ends in anything
        raise RuntimeError(f"{told}, and torchvision cannot fetch it: {error}") from error


def _read(path: Path, sides: int) -> npt.NDArray[np.uint8]:
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


def _check(pictures: npt.NDArray[np.uint8], labels: npt.NDArray[np.uint8], folder: Path) -> None:
    if pictures.shape[1:] != (SIDE, SIDE):
        told = f"{pictures.dtype} {list(pictures.shape)}"
        raise DataError(f"{folder} holds pictures of {told}, wanted uint8 [N, 28, 28]: delete it")
    if len(labels) != len(pictures) or not len(labels) or labels.max() > 9:
        told = f"{len(labels)} labels for {len(pictures)} pictures, or labels outside 0..9"
        raise DataError(f"{folder} holds {told}: delete it and fetch the files again")


def held_out_split(count: int) -> tuple[Tensor, Tensor]:
    """Indices int64 of the training pictures (learned from, held out): the same split in every run, whatever its
    seed.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1998))
    held = min(HELD_OUT, count // 5)
    return order[held:].sort().values, order[:held].sort().values
