"""The two datasets: what they are called and what their classes are. ``models.data.splits`` loads them.

Both have 60,000 training and 10,000 test pictures of 28x28 grey pixels, bright on black, in ten classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SIDE = 28


class UnknownName(ValueError):
    """A network or dataset that does not exist; the message lists those that do."""


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
