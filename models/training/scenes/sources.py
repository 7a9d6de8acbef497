"""What scenes are made of: the datasets' training pictures, fonts, and photographs of clothing (CC0), where they are.

A tenth of each, other pictures, families of fonts and photographs than the rest, is held out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from models.data import splits
from models.data.labels import CLOTHING, NONE, classes_of
from models.intake import decode
from models.intake.pixels import UInt8
from models.training.scenes import lettering

Rng = np.random.Generator
HELD = 10  # one source in so many is held out
PHOTOGRAPHS = Path("photos", "clothing", "train")  # below the data
LONGEST = 320  # pixels: photographs are kept at this size


@dataclass(frozen=True)
class Sources:
    """What scenes are made of: pictures of one dataset uint8 [N, 28, 28] by class, fonts, and photographs by class."""

    dataset: str
    by_class: list[UInt8]
    fonts: list[Path]
    photographs: list[tuple[UInt8, tuple[int, ...]]]


def find_sources(dataset: str, data_dir: Path, fonts: Path, *, held: bool) -> Sources:
    """What there is to make scenes of ``dataset``; ``held`` are sources that the others never see."""
    pictures, labels = splits.load_split(dataset, "train", data_dir)
    learn_index, held_index = splits.held_out_split(len(pictures))
    index = held_index if held else learn_index
    kept, classes = pictures[index].numpy(), labels[index].numpy()
    return Sources(
        dataset,
        [kept[classes == number] for number in range(10)],
        lettering.of_families(lettering.fonts_in(fonts), HELD, held) if dataset == "mnist" else [],
        photographs(data_dir / PHOTOGRAPHS, held) if dataset == "fashion-mnist" else [],
    )


def photographs(folder: Path, held: bool) -> list[tuple[UInt8, tuple[int, ...]]]:
    """Photographs uint8 [h, w, 3] below ``folder``, with the classes of their folder's name: "7or9-shoe" is (7, 9);
    none of the ten: (). DataError for a folder that is named otherwise.
    """
    files = [path for path in sorted(folder.glob("*/*")) if path.is_file()]
    for name in {path.parent.name for path in files}:
        if name != NONE and not CLOTHING.fullmatch(name):
            raise splits.DataError(f"{folder / name} is named by no class; wanted as 3-dress, 7or9-shoe or {NONE}")
    return [(opened(path, "RGB"), classes_of(path.parent.name)) for path in _part(files, held)]


def provenance(data_dir: Path) -> dict[str, str]:
    """What a checkpoint tells of the photographs that it learned from, where there are any."""
    return {"photographs": "clothing/train, CC0"} if any((data_dir / PHOTOGRAPHS).glob("*/*")) else {}


def one_of(rng: Rng, pictures: Sequence[UInt8] | UInt8) -> UInt8:
    """One of several pictures."""
    return np.asarray(pictures[int(rng.integers(len(pictures)))])


def _part(paths: list[Path], held: bool) -> list[Path]:
    return [path for number, path in enumerate(paths) if (number % HELD == 0) == held]


def opened(path: Path, mode: Literal["L", "RGB"]) -> UInt8:
    """A photograph, at most LONGEST pixels a side: uint8 [h, w], or [h, w, 3] in colour. DecodeError names the file."""
    image = decode.open_file(path).convert(mode)
    image.thumbnail((LONGEST, LONGEST))
    return np.asarray(image)
