"""What is measured of a set of pictures (``data.pictures``) that goes the whole way: ``intake.auto``,
``intake.picture``, each network, and their vote.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from PIL import Image
from rich.progress import track
from torch import Tensor

from models import datasets
from models.classifier import Classifier
from models.data import pictures
from models.data.pictures import Labelled, PictureSet
from models.evaluation import metrics
from models.intake import auto, picture

BATCH = 32
MOST_CONFUSED = 5
NOTHING = "nothing found"
Answers = tuple[Tensor, Tensor]  # classes int64 [N] and their confidence float32 [N], nan where not asked
T = TypeVar("T")


@dataclass(frozen=True)
class Looked:
    """The pictures of a set that are of one of the classes, after ``auto`` and ``picture.prepare``: N of them.

    ``prepared``: uint8 [N, 28, 28], black where nothing was ``found``; ``allowed``: bool [N, 10], the classes that
    are right; ``as_it_was``, ``unchanged``: bool [N], of the dataset's own kind, and the same bytes as sent;
    ``auto_right``: bool [N]; ``auto_ms``, ``prepare_ms``: float [N], of the process's CPU time.
    """

    labelled: list[Labelled]
    prepared: Tensor
    allowed: Tensor
    found: Tensor
    as_it_was: Tensor
    unchanged: Tensor
    auto_right: Tensor
    auto_ms: Tensor
    prepare_ms: Tensor


def look(one_set: PictureSet) -> Looked:
    """Bring a set's pictures of the ten classes, one at least, to what networks see.

    Raises SetError for a file that is no picture, CheckpointError or FileNotFoundError if weights/auto.lineup cannot
    be had.
    """
    with suppress(picture.NothingFound):  # OpenCV's first segmentation takes 80 ms, all others 10
        picture.prepare(Image.effect_noise((96, 96), 80).convert("RGB"), one_set.dataset)
    labelled = one_set.of_classes()
    prepared, allowed = np.zeros((len(labelled), 28, 28), np.uint8), torch.zeros(len(labelled), 10, dtype=torch.bool)
    rows = []
    for number, one in enumerate(shown(labelled, one_set.name)):
        allowed[number, list(one.classes)] = True
        rows.append(_look_at(one, one_set.dataset, prepared[number]))
    columns = (torch.tensor(column) for column in zip(*rows, strict=True))
    return Looked(labelled, torch.from_numpy(prepared), allowed, *columns)


def _look_at(one: Labelled, dataset: str, into: picture.UInt8) -> tuple[bool, bool, bool, bool, float, float]:
    """Of one picture, in the order of Looked's fields from ``found`` on; what networks see goes ``into`` [28, 28]."""
    image = one.open()
    start = time.process_time()
    right = auto.decide(image)[0] == dataset
    decided = time.process_time()
    auto_ms = 1e3 * (decided - start)
    try:
        prepared = picture.prepare(image, dataset)
    except picture.NothingFound:
        return False, False, False, right, auto_ms, 1e3 * (time.process_time() - decided)
    prepare_ms = 1e3 * (time.process_time() - decided)
    into[:] = prepared.picture
    unchanged = image.size == into.shape and bool((np.asarray(image.convert("L")) == into).all())
    return True, prepared.as_it_was, unchanged, right, auto_ms, prepare_ms


def ask(classifier: Classifier, looked: Looked, count: int | None = None) -> Tensor:
    """Calibrated probabilities float32 [N, 10] on the CPU, of all pictures or ``count`` evenly spread, nan for the
    others.
    """
    device = next(classifier.parameters()).device
    answers = torch.full((len(looked.labelled), 10), torch.nan)
    parts = pictures.spread(len(answers), count).split(BATCH)
    for part in shown(parts, f"{classifier.architecture}, {classifier.dataset}"):
        sent = ~looked.as_it_was[part]
        answers[part] = classifier.probabilities(looked.prepared[part].to(device), sent).cpu()
    return answers


def together(answers: Sequence[Tensor]) -> dict[str, Answers]:
    """What several networks say, each as of ``ask``, where all were asked: by "vote" (``metrics.vote``) and by the
    "mean" of their probabilities.
    """
    stacked = torch.stack(list(answers))
    asked = ~stacked.isnan().any(2).any(0)
    told = {"vote": metrics.vote(stacked.nan_to_num()), "mean": likeliest(stacked.mean(0))}
    return {name: (said, confidence.where(asked, torch.nan)) for name, (said, confidence) in told.items()}


def likeliest(probabilities: Tensor) -> Answers:
    """The likeliest class of each row, float32 [N, 10], and its probability."""
    confidence, said = probabilities.max(1)
    return said, confidence


def mistakes(answers: Answers, looked: Looked) -> list[int]:
    """Which pictures were asked and are not right; where the intake found nothing, no answer is."""
    said, confidence = answers
    right = looked.allowed.gather(1, said[:, None]).squeeze(1) & looked.found
    return [int(number) for number in (~right & ~confidence.isnan()).nonzero()]


def judge(answers: Answers, looked: Looked, classes: Sequence[str]) -> dict[str, Any]:
    """How right answers are, JSON-able; the calibration is of those pictures in which the intake found something."""
    said, confidence = answers
    asked, wrong = [int(number) for number in (~confidence.isnan()).nonzero()], mistakes(answers, looked)
    right = torch.ones(len(said), dtype=torch.bool)
    right[wrong] = False
    answered = ~confidence.isnan() & looked.found
    pairs = Counter(
        (true_name(looked, number, classes), answer_name(looked, number, said, classes)) for number in wrong
    )
    by_class: dict[str, list[bool]] = {}
    for number in sorted(asked, key=lambda number: looked.labelled[number].classes):
        by_class.setdefault(true_name(looked, number, classes), []).append(bool(right[number]))
    return {
        "accuracy": round(1 - len(wrong) / len(asked), 6),
        "n": len(asked),
        "wrong": len(wrong),
        "ece": round(metrics.calibration_error(confidence[answered], right[answered]), 5) if answered.any() else None,
        "per_class": {name: round(sum(each) / len(each), 4) for name, each in by_class.items()},
        "confused": [[true, answer, number] for (true, answer), number in pairs.most_common(MOST_CONFUSED)],
    }


def true_name(looked: Looked, number: int, classes: Sequence[str]) -> str:
    """The class of a picture in words: "Sneaker or Ankle boot" where either is right."""
    return " or ".join(classes[index] for index in looked.labelled[number].classes)


def answer_name(looked: Looked, number: int, said: Tensor, classes: Sequence[str]) -> str:
    """The answer to a picture in words."""
    return classes[int(said[number])] if looked.found[number] else NOTHING


def report(one_set: PictureSet, looked: Looked, networks: Mapping[str, Tensor]) -> dict[str, Any]:
    """All that is measured on a set, JSON-able; ``networks``: the probabilities by one or more, as of ``ask``."""
    classes = datasets.find(one_set.dataset).classes
    answers = {name: likeliest(told) for name, told in networks.items()}
    times = {"auto": looked.auto_ms, "prepare": looked.prepare_ms}
    return {
        "dataset": one_set.dataset,
        "n": len(looked.labelled),
        "auto": _share(looked.auto_right),
        "unchanged": _share(looked.unchanged),
        "nothing_found": int((~looked.found).sum()),
        "ms": {name: _middle_and_most(values) for name, values in times.items()},
        "networks": {name: judge(told, looked, classes) for name, told in answers.items()},
        **{name: judge(told, looked, classes) for name, told in together(list(networks.values())).items()},
    }


def _share(which: Tensor) -> float:
    return round(float(which.double().mean()), 6)


def _middle_and_most(values: Tensor) -> dict[str, float]:
    parts = {"median": 0.5, "p95": 0.95, "most": 1.0}
    return {name: round(float(values.double().quantile(at)), 3) for name, at in parts.items()}


def shown(items: Sequence[T], note: str) -> Iterable[T]:
    """The items, with a progress bar in a terminal."""
    return track(items, description=note, transient=True, disable=not sys.stdout.isatty())
