"""How well a gate (``intake.gate``) tells pictures of a dataset's kind from others: on whole sets (``data.pictures``)
and on what ``evaluation.negatives`` draws.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from models.data import pictures
from models.data.pictures import Labelled, PictureSet
from models.evaluation import metrics, negatives
from models.intake import picture
from models.intake.gate import KINDS, Gate
from models.intake.steps import NothingFound
from models.intake.thumbnail import thumbnail

DRAWN_AGAINST: Mapping[str, tuple[str, ...]] = {"mnist": ("letters", "noise"), "fashion-mnist": ("noise",)}


def report(gate: Gate, sets: Sequence[PictureSet], count: int) -> dict[str, Any]:
    """AUROC for each dataset that has a set: against all others and each kind of them, JSON-able.

    Against digits stand the photographs of clothing (its test pictures are easier, and would outnumber them), those of
    none of its classes, letters and noise; against clothing digits of all kinds, the photographs of none of its
    classes, and noise. At most ``count`` of a dataset's own test pictures are looked at, and as many of each kind are
    drawn.
    """
    return {dataset: told for dataset in KINDS if (told := _of(gate, sets, dataset, count))}


def score(gate: Gate, image: Image.Image, dataset: str) -> float:
    """The gate's score of a picture as sent, 0 where the intake finds nothing in it."""
    try:
        pixels = np.asarray(image)
        seen = picture.prepare_pixels(pixels, dataset).picture
    except NothingFound:
        return 0.0
    return gate.judge(thumbnail(pixels), seen, dataset).score


def others(sets: Sequence[PictureSet], dataset: str, count: int) -> dict[str, Iterable[Image.Image]]:
    """By kind, what is not of the dataset's kind; at most ``count`` of those that are drawn or test pictures."""
    kinds: dict[str, Iterable[Image.Image]] = {
        one.name: _opened(_some(one, count))
        for one in sets
        if one.dataset != dataset and one.of_classes() and not (one.own and dataset == "mnist")
    }
    if none := [one for one_set in sets for one in one_set.of_none()]:
        kinds["none"] = _opened(none)
    return kinds | {kind: negatives.make(kind, count) for kind in DRAWN_AGAINST[dataset]}


def _of(gate: Gate, sets: Sequence[PictureSet], dataset: str, count: int) -> dict[str, Any]:
    def scores(images: Iterable[Image.Image]) -> Tensor:
        return torch.tensor([score(gate, image, dataset) for image in images])

    own_sets = [one for one in sets if one.dataset == dataset and one.of_classes()]
    if not own_sets:
        return {}
    own = {one.name: scores(_opened(_some(one, count))) for one in own_sets}
    kinds = {name: scores(images) for name, images in others(sets, dataset, count).items()}
    all_own, all_others = torch.cat(list(own.values())), torch.cat(list(kinds.values()))
    return {
        "auroc": round(metrics.auroc(all_own, all_others), 5),
        "n": len(all_own) + len(all_others),
        "own": {name: _told(each, metrics.auroc(each, all_others)) for name, each in own.items()},
        "others": {name: _told(each, metrics.auroc(all_own, each)) for name, each in kinds.items()},
    }


def _told(scores: Tensor, auroc: float) -> dict[str, Any]:
    return {"auroc": round(auroc, 5), "n": len(scores), "let_in": round(float((scores >= 0.5).double().mean()), 4)}


def _some(one_set: PictureSet, count: int) -> list[Labelled]:
    found = one_set.of_classes()
    return [found[k] for k in pictures.spread(len(found), count if one_set.own else None)]


def _opened(labelled: Sequence[Labelled]) -> Iterator[Image.Image]:
    return (one.open() for one in labelled)
