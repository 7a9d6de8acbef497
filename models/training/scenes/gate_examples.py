"""What the gate learns from: scenes of both datasets' kinds (``scenes.mixture``) and strangers to them
(``scenes.strangers``), each as its thumbnail and as what the intake makes of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.intake import gate, picture
from models.intake.pixels import UInt8
from models.intake.steps import NothingFound
from models.intake.thumbnail import thumbnail
from models.training.scenes import lettering, mixture, strangers
from models.training.scenes.garments import view
from models.training.scenes.sources import PHOTOGRAPHS, Sources, find_sources, one_of, photographs

Rng = np.random.Generator
OWN = 0.4  # share of the scenes that are of the dataset's kind


@dataclass(frozen=True)
class World:
    """What scenes are made of: the sources of both datasets, fonts, and photographs of what is none of the ten."""

    digits: Sources
    garments: Sources
    fonts: list[Path]
    others: list[UInt8]


@dataclass(frozen=True)
class Examples:
    """uint8 thumbnails [N, 64, 64] and pictures [N, 28, 28], and the number of each one's kind, int64 [N]."""

    thumbnails: Tensor
    pictures: Tensor
    kinds: Tensor


def find_world(data_dir: Path, fonts: Path, *, held: bool) -> World:
    """What there is to make scenes of; ``held`` are sources that the others never see."""
    digits, garments = (find_sources(name, data_dir, fonts, held=held) for name in gate.KINDS)
    others = [photograph for photograph, classes in photographs(data_dir / PHOTOGRAPHS, held) if not classes]
    return World(digits, garments, digits.fonts or lettering.fonts_in(fonts), others)


def _own_or_raw(rng: Rng, sources: Sources) -> UInt8:
    """A scene, or in a third of the cases the dataset's picture as it is."""
    if rng.random() < 0.35:
        return one_of(rng, sources.by_class[int(rng.integers(10))])
    return mixture.MAKERS[sources.dataset](rng, sources)[0]


def _sign(rng: Rng, world: World) -> UInt8:
    if rng.random() < 0.3:
        one, other = (one_of(rng, world.digits.by_class[int(rng.integers(*bounds))]) for bounds in ((2, 8), (0, 10)))
        return strangers.twisted(rng, one, other)
    return _maybe_small(rng, strangers.sign(rng, world.fonts))


def _page(rng: Rng, world: World) -> UInt8:
    if rng.random() < 0.6:
        return strangers.page(rng, world.fonts)
    digits = [one_of(rng, world.digits.by_class[int(rng.integers(10))]) for _ in range(int(rng.choice([2, 2, 3])))]
    return strangers.number(rng, digits)


def _maybe_small(rng: Rng, scene: UInt8) -> UInt8:
    """As it is, or as a 28x28 picture of the dataset's kind: people send letters in MNIST's form, too."""
    if rng.random() < 0.5:
        return scene
    try:
        return picture.prepare(Image.fromarray(scene), "mnist").picture
    except NothingFound:
        return scene


def _photograph(rng: Rng, world: World) -> UInt8:
    if world.others and rng.random() < 0.3:
        return view(rng, one_of(rng, world.others))
    return _own_or_raw(rng, world.garments)


def _other(rng: Rng, world: World) -> UInt8:
    if not world.others or rng.random() < 0.1:
        return strangers.sign(rng, world.fonts)
    if rng.random() < 0.1:
        return strangers.texture(rng, one_of(rng, world.others))
    return view(rng, one_of(rng, world.others))


def _writing(rng: Rng, world: World) -> UInt8:
    kind = rng.random()
    if kind < 0.6:
        return _own_or_raw(rng, world.digits)
    return strangers.page(rng, world.fonts) if kind < 0.8 else _sign(rng, world)


MAKERS: Mapping[str, Mapping[str, Callable[[Rng, World], UInt8]]] = {
    "mnist": {
        "digit": lambda rng, world: _own_or_raw(rng, world.digits),
        "sign": _sign,
        "photograph": _photograph,
        "noise": lambda rng, world: strangers.noise(rng),
        "page": _page,
    },
    "fashion-mnist": {
        "garment": lambda rng, world: _own_or_raw(rng, world.garments),
        "other": _other,
        "writing": _writing,
        "noise": lambda rng, world: strangers.noise(rng),
    },
}


def make(dataset: str, world: World, count: int, seed: int) -> Examples:
    """About ``count`` examples; scenes in which the intake finds nothing never reach the gate and are left out."""
    rng, makers = np.random.default_rng(seed), list(MAKERS[dataset].values())
    thumbnails, pictures, kinds = [], [], []
    for _ in range(count):
        kind = 0 if rng.random() < OWN else int(rng.integers(1, len(makers)))
        scene = makers[kind](rng, world)
        try:
            prepared = picture.prepare(Image.fromarray(scene), dataset).picture
        except NothingFound:
            continue
        thumbnails.append(thumbnail(scene))
        pictures.append(prepared)
        kinds.append(kind)
    return Examples(torch.from_numpy(np.stack(thumbnails)), torch.from_numpy(np.stack(pictures)), torch.tensor(kinds))
