"""Pictures as people send them, brought to 28x28 by the service's own intake: what networks learn from beside the
datasets.

A network that knows the dataset alone knows neither print nor a line drawn with a mouse, neither a shirt with a
piece of the bed left beside it nor a coat on somebody. Scenes with such things are made from the datasets' training
pictures, from fonts, from drawn strokes and from photographs, and each goes through ``intake.picture.prepare``, so that
a network learns what the intake makes of them, with its mistakes.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.intake import picture
from models.intake.pixels import UInt8
from models.intake.steps import NothingFound
from models.training.scenes import canvas, digits, garments, lettering, strokes
from models.training.scenes.sources import Sources, one_of

Rng = np.random.Generator
Scene = tuple[UInt8, tuple[int, ...]]  # a picture as sent, [H, W] or [H, W, 3], and the classes that are right for it


def digit_scene(rng: Rng, sources: Sources) -> Scene:
    """A digit written, drawn or printed on paper or screen, or scanned small."""
    digit, longest = int(rng.integers(10)), int(rng.integers(24, 200))
    kind = rng.random()
    if kind < 0.4:
        ink = digits.written(rng, one_of(rng, sources.by_class[digit]), longest)
    elif kind < 0.75:
        ink = digits.sheared(rng, lettering.written(rng, str(digit), longest, sources.fonts))
    elif kind < 0.88:
        ink = strokes.drawn(rng, digit, longest)
    else:
        return digits.scanned(rng, one_of(rng, sources.by_class[digit])), (digit,)
    return canvas.on_canvas(rng, ink), (digit,)


def garment_scene(rng: Rng, sources: Sources) -> Scene:
    """A garment photographed at home, or in a catalogue: on plain ground, or on somebody."""
    if any(classes for _, classes in sources.photographs) and rng.random() < 0.6:
        photograph, classes = _balanced(rng, sources.photographs)
        return garments.view(rng, photograph), classes
    index = int(rng.integers(10))
    garment = one_of(rng, sources.by_class[index])
    if rng.random() < 0.4:
        return garments.worn(rng, garment, index, sources.by_class), (index,)
    return garments.garment(rng, garment), (index,)


MAKERS: dict[str, Callable[[Rng, Sources], Scene]] = {"mnist": digit_scene, "fashion-mnist": garment_scene}


def prepared(sources: Sources, seed: int, count: int) -> tuple[UInt8, npt.NDArray[np.bool_]]:
    """``count`` scenes from one generator, prepared: uint8 [N, 28, 28], and bool [N, 10], the classes that are right
    for each. Those in which the intake finds nothing are left out.
    """
    rng, pictures, allowed = np.random.default_rng(seed), [], np.zeros((count, 10), bool)
    for _ in range(count):
        scene, classes = MAKERS[sources.dataset](rng, sources)
        try:
            pictures.append(picture.prepare(Image.fromarray(scene), sources.dataset).picture)
        except NothingFound:
            continue
        allowed[len(pictures) - 1, list(classes)] = True
    return np.stack(pictures), allowed[: len(pictures)]


def _balanced(rng: Rng, choices: list[tuple[UInt8, tuple[int, ...]]]) -> tuple[UInt8, tuple[int, ...]]:
    """One photograph, the classes about equally often: the square root of their numbers decides."""
    kinds = sorted({classes for _, classes in choices if classes})
    numbers = np.array([sum(classes == kind for _, classes in choices) for kind in kinds]) ** 0.5
    kind = kinds[int(rng.choice(len(kinds), p=numbers / numbers.sum()))]
    matching = [pair for pair in choices if pair[1] == kind]
    return matching[int(rng.integers(len(matching)))]
