"""Sets of labelled pictures: folders by label, and the datasets' own test pictures as PNG.

A set of digits has folders ``0`` to ``9``. One of clothing has folders whose names begin with Fashion-MNIST's index:
``3-dress``, or ``7or9-shoe`` where either is right. Pictures in ``none`` are of none of the ten classes.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from PIL import Image
from torch import Tensor

from models.data import splits
from models.data.labels import CLOTHING, NONE, classes_of
from models.intake import decode

_DIGITS = re.compile(r"\d(or\d)*")
LEARNED_FROM = "train"  # the name of folders whose pictures the networks may have learned from


class SetError(ValueError):
    """A folder is no set of labelled pictures, or a file in it no picture; the message says what would be right."""


@dataclass(frozen=True)
class Labelled:
    """A picture ``file``, as a path or its bytes, and the ``classes`` that are right for it; none of the ten: ()."""

    file: Path | bytes
    classes: tuple[int, ...]

    def open(self) -> Image.Image:
        """The picture as the service would open it: mode L or RGB, upright, of at most four megapixels. SetError if it
        cannot be opened.
        """
        try:
            if isinstance(self.file, bytes):
                return decode.decode(self.file, max_pixels=decode.MAX_PIXELS)
            return decode.open_file(self.file)
        except (OSError, decode.DecodeError) as error:
            raise SetError(str(error)) from error


@dataclass(frozen=True)
class PictureSet:
    """``pictures`` for networks of ``dataset``; ``own``: they are the dataset's own test pictures."""

    name: str
    dataset: str
    pictures: tuple[Labelled, ...]
    own: bool = False

    def of_classes(self) -> list[Labelled]:
        """Those that are of one of the ten classes."""
        return [one for one in self.pictures if one.classes]

    def of_none(self) -> list[Labelled]:
        """The others."""
        return [one for one in self.pictures if not one.classes]


def find_sets(folder: Path, dataset: str | None = None) -> list[PictureSet]:
    """The sets in ``folder``, which is one or holds some, by the paths of their folders. Folders named train below it
    are left out, as are sets that are not of ``dataset`` (default: both). Of which one is, the names of its folders
    tell; ``dataset`` does where they do not, and where ``folder`` itself is the one set.

    Raises SetError where there is none, or one has folders that are no labels.
    """
    if not folder.is_dir():
        raise SetError(f"{folder} is no folder; wanted one that holds pictures in folders by label")
    places = [
        place
        for place in [folder, *sorted(path for path in folder.rglob("*") if path.is_dir())]
        if LEARNED_FROM not in place.relative_to(folder).parts and any(map(_is_label, _folders(place)))
    ]
    if not places:
        wanted = f"folders by label in it or below it, such as 7 or 3-dress (those named {LEARNED_FROM} do not count)"
        raise SetError(f"{folder} holds no set of pictures; wanted {wanted}")
    if dataset and places == [folder]:
        of = {folder: dataset}
    else:
        of = {place: _by_names(place) or dataset or _told_by_nothing(place) for place in places}
    kept = {place: one for place, one in of.items() if dataset in (None, one)}
    if not kept:
        told = ", ".join(f"{_name(place, folder)} ({one})" for place, one in of.items())
        raise SetError(f"{folder} holds no set of {dataset}; by the names of their folders there are: {told[:200]}")
    return [PictureSet(_name(place, folder), one, tuple(_labelled(place))) for place, one in kept.items()]


def from_test(dataset: str, data_dir: Path, count: int | None = None) -> PictureSet:
    """The dataset's test pictures, all or ``count`` evenly spread, each as the bytes of a PNG. DataError as
    ``splits.load_split``.
    """
    pictures, labels = splits.load_split(dataset, "test", data_dir)
    labelled = [Labelled(_png(pictures[k]), (int(labels[k]),)) for k in spread(len(pictures), count)]
    return PictureSet(f"{dataset} test", dataset, tuple(labelled), own=True)


def spread(total: int, count: int | None) -> Tensor:
    """int64 indices of ``count`` of ``total``, evenly spread, always the same; None: of all."""
    if count is None or count >= total:
        return torch.arange(total)
    return torch.arange(count) * total // count


def evenly(pictures: Tensor, labels: Tensor, count: int | None) -> tuple[Tensor, Tensor]:
    """``count`` pictures evenly spread over a set, always the same (MNIST's first half is the easier one), with their
    labels; None: all.
    """
    index = spread(len(pictures), count)
    return pictures[index], labels[index]


def held_out(dataset: str, data_dir: str | Path, count: int | None) -> tuple[Tensor, Tensor]:
    """The dataset's training pictures that no network learned from, all or ``count`` evenly spread: uint8 [N, 28, 28]
    and labels int64 [N]. DataError as ``splits.load_split``.
    """
    pictures, labels = splits.load_split(dataset, "train", data_dir)
    _, held = splits.held_out_split(len(pictures))
    return evenly(pictures[held], labels[held], count)


def _name(place: Path, folder: Path) -> str:
    return folder.resolve().name if place == folder else place.relative_to(folder).as_posix()


def _folders(place: Path) -> list[str]:
    return [path.name for path in sorted(place.iterdir()) if path.is_dir() and not path.name.startswith(".")]


def _is_label(name: str) -> bool:
    return name == NONE or bool(_DIGITS.fullmatch(name) or CLOTHING.fullmatch(name))


def _by_names(place: Path) -> str | None:
    """Of which dataset a set is by the names of its folders, None where they do not tell."""
    names = [name for name in _folders(place) if name != NONE]
    for dataset, pattern in (("mnist", _DIGITS), ("fashion-mnist", CLOTHING)):
        if names and all(pattern.fullmatch(name) for name in names):
            return dataset
    return None


def _told_by_nothing(place: Path) -> NoReturn:
    told = f"{place} has folders {', '.join(_folders(place))[:200]}"
    raise SetError(f"{told}; wanted 0 to 9 for digits, or such as 3-dress for clothing, or --dataset to say which")


def _labelled(place: Path) -> Iterator[Labelled]:
    for name in _folders(place):
        if not _is_label(name):
            raise SetError(f"{place / name} is no label; wanted such as 7, 3-dress, 7or9-shoe or {NONE}")
        for path in sorted((place / name).iterdir()):
            if path.is_file() and not path.name.startswith("."):
                yield Labelled(path, classes_of(name))


def _png(picture: Tensor) -> bytes:
    file = io.BytesIO()
    Image.fromarray(picture.numpy()).save(file, "PNG")
    return file.getvalue()
