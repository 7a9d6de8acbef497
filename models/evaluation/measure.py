"""What is measured of a set of pictures (``data.pictures``) that goes the whole way: ``intake.auto``,
``intake.picture``, each network, and their vote.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from rich.progress import track
from torch import Tensor

from models import datasets, vote
from models.classifier import Classifier
from models.data import pictures
from models.data.pictures import Labelled, PictureSet
from models.evaluation import metrics
from models.intake import picture
from models.intake.auto import Auto
from models.intake.pixels import UInt8, luminance
from models.intake.steps import NothingFound
from models.intake.thumbnail import thumbnail

BATCH = 32
MOST_CONFUSED = 5
NOTHING = "nothing found"
Answers = tuple[Tensor, Tensor]  # classes int64 [N] and their confidence float32 [N], nan where not asked
T = TypeVar("T")


@dataclass(frozen=True)
class PreparedSet:
    """The pictures of a set that are of one of the classes, after ``auto`` and ``picture.prepare``: N of them.

    ``pictures``: uint8 [N, 28, 28], black where nothing was ``found``; ``allowed``: bool [N, 10], the classes that
    are right; ``as_it_was``, ``unchanged``: bool [N], of the dataset's own kind, and the same bytes as sent;
    ``auto_right``: bool [N]; ``auto_ms``, ``prepare_ms``: float [N], of the process's CPU time.
    """

    labelled: list[Labelled]
    pictures: Tensor
    allowed: Tensor
    found: Tensor
    as_it_was: Tensor
    unchanged: Tensor
    auto_right: Tensor
    auto_ms: Tensor
    prepare_ms: Tensor


def prepare_set(one_set: PictureSet, auto: Auto) -> PreparedSet:
    """Bring a set's pictures of the ten classes, one at least, to what networks see. SetError for a file that is no
    picture.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as in the service; and threads that wait for auto's next would count as its time
    try:
        return _prepare_all(one_set, auto)
    finally:
        torch.set_num_threads(threads)


def _prepare_all(one_set: PictureSet, auto: Auto) -> PreparedSet:
    labelled = one_set.of_classes()
    prepared, allowed = np.zeros((len(labelled), 28, 28), np.uint8), torch.zeros(len(labelled), 10, dtype=torch.bool)
    rows = []
    for number, one in enumerate(shown(labelled, one_set.name)):
        allowed[number, list(one.classes)] = True
        rows.append(_prepare(one, one_set.dataset, auto, prepared[number]))
    columns = (torch.tensor(column) for column in zip(*rows, strict=True))
    return PreparedSet(labelled, torch.from_numpy(prepared), allowed, *columns)


def _prepare(one: Labelled, dataset: str, auto: Auto, into: UInt8) -> tuple[bool, bool, bool, bool, float, float]:
    """Of one picture, PreparedSet's fields from ``found`` on; what networks see goes ``into`` [28, 28]."""
    pixels = np.asarray(one.open())
    start = time.process_time()
    right = auto.decide_by(thumbnail(pixels))[0] == dataset
    decided = time.process_time()
    auto_ms = 1e3 * (decided - start)
    try:
        prepared = picture.prepare_pixels(pixels, dataset)
    except NothingFound:
        return False, False, False, right, auto_ms, 1e3 * (time.process_time() - decided)
    prepare_ms = 1e3 * (time.process_time() - decided)
    into[:] = prepared.picture
    unchanged = pixels.shape[:2] == into.shape and bool((luminance(pixels) == into).all())
    return True, prepared.as_it_was, unchanged, right, auto_ms, prepare_ms


def ask(classifier: Classifier, prepared: PreparedSet, count: int | None = None) -> Tensor:
    """Calibrated probabilities float32 [N, 10] on the CPU, of all pictures or ``count`` evenly spread, nan for the
    others.
    """
    device = next(classifier.parameters()).device
    answers = torch.full((len(prepared.labelled), 10), torch.nan)
    parts = pictures.spread(len(answers), count).split(BATCH)
    for part in shown(parts, f"{classifier.architecture}, {classifier.dataset}"):
        as_sent = ~prepared.as_it_was[part]
        answers[part] = classifier.probabilities(prepared.pictures[part].to(device), as_sent).cpu()
    return answers


def together(answers: Sequence[Tensor], weights: Sequence[float | None] | None = None) -> dict[str, Answers]:
    """What several networks say, each as of ``ask``, where all were asked: by "vote" with ``weights`` of
    ``models.vote`` (default: equal); and, to compare with it, by "majority", one voice each with the confidence of the
    mean, and by the "mean" of their probabilities.
    """
    stacked = torch.stack(list(answers))
    asked = ~stacked.isnan().any(2).any(0)
    given, mean = stacked.nan_to_num(), stacked.mean(0)
    said, confidence = map(torch.from_numpy, vote.vote(given.numpy(), weights))
    most = torch.from_numpy(vote.majority(given.numpy()))
    told = {
        "vote": (said, confidence),
        "majority": (most, mean.gather(1, most[:, None])[:, 0]),
        "mean": likeliest(mean),
    }
    return {name: (said, confidence.where(asked, torch.nan)) for name, (said, confidence) in told.items()}


def likeliest(probabilities: Tensor) -> Answers:
    """The likeliest class of each row, float32 [N, 10], and its probability."""
    confidence, said = probabilities.max(1)
    return said, confidence


def mistakes(answers: Answers, prepared: PreparedSet) -> list[int]:
    """Which pictures were asked and are not right; where the intake found nothing, no answer is."""
    said, confidence = answers
    right = prepared.allowed.gather(1, said[:, None]).squeeze(1) & prepared.found
    return [int(number) for number in (~right & ~confidence.isnan()).nonzero()]


def judge(answers: Answers, prepared: PreparedSet, classes: Sequence[str]) -> dict[str, Any]:
    """How right answers are, JSON-able; the calibration is of those pictures in which the intake found something."""
    said, confidence = answers
    asked, wrong = [int(number) for number in (~confidence.isnan()).nonzero()], mistakes(answers, prepared)
    right = torch.ones(len(said), dtype=torch.bool)
    right[wrong] = False
    answered = ~confidence.isnan() & prepared.found
    pairs = Counter(
        (true_name(prepared, number, classes), answer_name(prepared, number, said, classes)) for number in wrong
    )
    by_class: dict[str, list[bool]] = {}
    for number in sorted(asked, key=lambda number: prepared.labelled[number].classes):
        by_class.setdefault(true_name(prepared, number, classes), []).append(bool(right[number]))
    return {
        "accuracy": round(1 - len(wrong) / len(asked), 6),
        "n": len(asked),
        "wrong": len(wrong),
        "ece": round(metrics.calibration_error(confidence[answered], right[answered]), 5) if answered.any() else None,
        "per_class": {name: round(sum(each) / len(each), 4) for name, each in by_class.items()},
        "confused": [[true, answer, number] for (true, answer), number in pairs.most_common(MOST_CONFUSED)],
    }


def true_name(prepared: PreparedSet, number: int, classes: Sequence[str]) -> str:
    """The class of a picture in words: "Sneaker or Ankle boot" where either is right."""
    return " or ".join(classes[index] for index in prepared.labelled[number].classes)


def answer_name(prepared: PreparedSet, number: int, said: Tensor, classes: Sequence[str]) -> str:
    """The answer to a picture in words."""
    return classes[int(said[number])] if prepared.found[number] else NOTHING


def report(
    one_set: PictureSet,
    prepared: PreparedSet,
    networks: Mapping[str, Tensor],
    weights: Mapping[str, float | None] | None = None,
) -> dict[str, Any]:
    """All that is measured on a set, JSON-able; ``networks``: the probabilities by one or more, as of ``ask``;
    ``weights``: what each weighs in their vote (default: all the same).
    """
    classes = datasets.find(one_set.dataset).classes
    answers = {name: likeliest(told) for name, told in networks.items()}
    voted = together(list(networks.values()), None if weights is None else [weights[name] for name in networks])
    times = {"auto": prepared.auto_ms, "prepare": prepared.prepare_ms}
    return {
        "dataset": one_set.dataset,
        "n": len(prepared.labelled),
        "auto": _share(prepared.auto_right),
        "unchanged": _share(prepared.unchanged),
        "nothing_found": int((~prepared.found).sum()),
        "ms": {name: _middle_and_most(values) for name, values in times.items()},
        "networks": {name: judge(told, prepared, classes) for name, told in answers.items()},
        **{name: judge(told, prepared, classes) for name, told in voted.items()},
    }


def _share(which: Tensor) -> float:
    return round(float(which.double().mean()), 6)


def _middle_and_most(values: Tensor) -> dict[str, float]:
    parts = {"median": 0.5, "p95": 0.95, "most": 1.0}
    return {name: round(float(values.double().quantile(at)), 3) for name, at in parts.items()}


def shown(items: Sequence[T], note: str) -> Iterable[T]:
    """The items, with a progress bar in a terminal."""
    return track(items, description=note, transient=True, disable=not sys.stdout.isatty())
