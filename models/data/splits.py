"""The two datasets as tensors, read from the IDX files of their authors.

A dataset is one uint8 tensor (47 MB), so it lives on the device whole and needs no DataLoader. The files lie where
torchvision puts them, which is asked only to fetch what is not there.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from models import datasets
from models.data import idx
from models.data.idx import DataError as DataError  # what asks for tensors finds it here
from models.data.idx import Split
from models.datasets import Dataset

HELD_OUT = 5_000  # training pictures kept aside for every choice; the test set is looked at once, at the end


def load_split(name: str, split: Split, data_dir: str | Path) -> tuple[Tensor, Tensor]:
    """Pictures uint8 [N, 28, 28] and labels int64 [N], from the IDX files, plain or .gz, in ``data_dir``/MNIST/raw or
    /FashionMNIST/raw.

    Files that are not there are fetched by torchvision. Raises DataError, which says what to do, when they cannot be
    had or are damaged.
    """
    dataset = datasets.find(name)
    try:
        if missing := idx.missing(dataset, split, data_dir):
            _fetch(dataset, split, data_dir, missing)
            if missing := idx.missing(dataset, split, data_dir):
                raise FileNotFoundError(f"there is no {missing[0]} after fetching it, either")
        pictures, labels = idx.read_split(dataset, split, data_dir)
    except DataError:
        raise
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"cannot load {dataset.title} ({split}) from {idx.folder_of(dataset, data_dir)}: "
            f"{error}. If files are there, one is damaged: delete the folder. Then run again with a network, or put "
            f"the four IDX files there (train-images-idx3-ubyte and its three companions, plain or .gz), or point "
            f"--data-dir to a folder that has {dataset.folder}/raw"
        ) from error
    return torch.from_numpy(pictures), torch.from_numpy(labels.astype(np.int64))


def _fetch(dataset: Dataset, split: Split, data_dir: str | Path, missing: list[str]) -> None:
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


def held_out_split(count: int) -> tuple[Tensor, Tensor]:
    """Indices int64 of the training pictures (learned from, held out): the same split in every run, whatever its
    seed.
    """
    order = torch.randperm(count, generator=torch.Generator().manual_seed(1998))
    held = min(HELD_OUT, count // 5)
    return order[held:].sort().values, order[:held].sort().values
