"""The two datasets: what they are called, what their classes are, and how they are loaded.

Both have 60,000 training and 10,000 test pictures of 28x28 grey pixels, bright on black, in ten classes. A dataset
is one uint8 tensor (47 MB), so it lives on the device whole and needs no DataLoader.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

HELD_OUT = 5_000  # training pictures kept aside for every choice; the test set is looked at once, at the end
SIDE = 28


class UnknownName(ValueError):
    """A network or dataset that does not exist; the message lists those that do."""


class DataError(RuntimeError):
    """A dataset's files are missing or damaged; the message says what to do."""


@dataclass(frozen=True)
class Dataset:
    """One dataset: ``mean`` and ``std`` are of the training pixels as fractions of 255."""

    name: str
    title: str
    folder: str  # torchvision's class, which is also the folder's name below data_dir
    classes: tuple[str, ...]
    mean: float
    std: float
    source: str


_CLOTHES = ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag")

DATASETS: Mapping[str, Dataset] = MappingProxyType(
    {
        "mnist": Dataset(
            name="mnist",
            title="MNIST handwritten digits",
            folder="MNIST",
            classes=tuple("0123456789"),
            mean=0.1307,
            std=0.3081,
            source="LeCun, Cortes, Burges: The MNIST database of handwritten digits, 1998 (CC BY-SA 3.0)",
        ),
        "fashion-mnist": Dataset(
            name="fashion-mnist",
            title="Fashion-MNIST clothing",
            folder="FashionMNIST",
            classes=(*_CLOTHES, "Ankle boot"),
            mean=0.2860,
            std=0.3530,
            source="Xiao, Rasul, Vollgraf: Fashion-MNIST, arXiv 1708.07747, 2017 (MIT)",
        ),
    }
)


def find(name: str) -> Dataset:
    """The dataset of that name; UnknownName, which lists them all, if there is none."""
    if name not in DATASETS:
        raise UnknownName(f"no dataset {name[:64]!r}; there are: {', '.join(DATASETS)}")
    return DATASETS[name]


def load_split(name: str, split: Literal["train", "test"], data_dir: str | Path) -> tuple[Tensor, Tensor]:
    """Pictures uint8 [N, 28, 28] and labels int64 [N], through torchvision, from ``data_dir``/MNIST or /FashionMNIST.

    Files that are not there are downloaded. Raises DataError, which says what to do, when they cannot be had or are
    damaged.
    """
    import torchvision  # belongs to the extra `train`: serving does without it

    dataset = find(name)
    folder = Path(data_dir) / dataset.folder / "raw"
    load = getattr(torchvision.datasets, dataset.folder)
    try:
        try:
            loaded = load(str(data_dir), train=split == "train", download=False)
        except RuntimeError:  # torchvision's word for "not there"
            loaded = load(str(data_dir), train=split == "train", download=True)
        pictures, labels = loaded.data, loaded.targets.long()
    except (OSError, RuntimeError, ValueError, AssertionError, EOFError, IndexError, TypeError, struct.error) as error:
        raise DataError(
            f"cannot load {dataset.title} ({split}) from {folder}: {error or type(error).__name__}. "
            f"If files are there, one is damaged: delete the folder. Then run again with a network, or put "
            f"the four IDX files there (train-images-idx3-ubyte and its three companions), or point --data-dir to a "
            f"folder that has {dataset.folder}/raw"
        ) from error
    _check(pictures, labels, folder)
    return pictures, labels


def _check(pictures: Tensor, labels: Tensor, folder: Path) -> None:
    if pictures.dtype != torch.uint8 or pictures.ndim != 3 or pictures.shape[1:] != (SIDE, SIDE):
        told = f"{pictures.dtype} {list(pictures.shape)}"
        raise DataError(f"{folder} holds pictures of {told}, wanted uint8 [N, 28, 28]: delete it")
    if len(labels) != len(pictures) or not len(labels) or labels.min() < 0 or labels.max() > 9:
        told = f"{len(labels)} labels for {len(pictures)} pictures, or labels outside 0..9"
        raise DataError(f"{folder} holds {told}: delete it and fetch the files again")


def held_out_split(count: int) -> tuple[Tensor, Tensor]:
    """Indices int64 of the training pictures (learned from, held out): the same split in every run, whatever its
    seed.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1998))
    held = min(HELD_OUT, count // 5)
    return order[held:].sort().values, order[:held].sort().values
