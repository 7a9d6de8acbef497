"""Answers without a server, for the command line: the service's own intake and answers, one picture at a time."""

import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import torch

from app.answers import Comparison, Prediction
from app.errors import ApiError, one_of
from app.serving import assemble, intake
from app.serving.batcher import Done
from app.serving.engine import choose_device
from app.serving.intake import Seen
from app.settings import Settings
from models import catalog, checkpoints
from models.classifier import Classifier
from models.datasets import DATASETS


def all_names() -> list[str]:
    """The seven networks in the order of their dates."""
    return list(catalog.ARCHITECTURES)


def wrong_names(dataset: str, names: Sequence[str]) -> str | None:
    """What is wrong with these names, if something is."""
    if dataset != "auto" and dataset not in DATASETS:
        return one_of("dataset", dataset, ["auto", *DATASETS])
    known = [*catalog.ARCHITECTURES, *catalog.EXTRAS]
    return next((one_of("network", name, known) for name in names if name not in known), None)


def predict(path: Path, model: str, dataset: str, top_k: int, settings: Settings) -> Prediction | ApiError:
    """One network's answer for the picture in a file; an ApiError in its place where it cannot be had."""
    start = time.perf_counter()
    try:
        return _ask(model, _look(path, dataset, settings), top_k, start, settings)
    except ApiError as error:
        return error


def compare(path: Path, names: Sequence[str], dataset: str, settings: Settings) -> tuple[Comparison, Seen] | ApiError:
    """The answers of several networks with what they saw; an ApiError where the picture cannot be read or none
    answers.
    """
    start = time.perf_counter()
    try:
        seen = _look(path, dataset, settings)
        outcomes: dict[str, Prediction | ApiError] = {}
        for name in names:
            try:
                outcomes[name] = _ask(name, seen, 10, start, settings)
            except ApiError as error:
                outcomes[name] = error
        return assemble.comparison(outcomes, seen, assemble.ms(time.perf_counter() - start)), seen
    except ApiError as error:
        return error


def _look(path: Path, dataset: str, settings: Settings) -> Seen:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ApiError("not_found", f"cannot read {path}: {error.strerror}") from error
    return intake.look(data, None, dataset, settings.max_pixels)


def _ask(model: str, seen: Seen, top_k: int, start: float, settings: Settings) -> Prediction:
    classifier = _load(seen.dataset, model, settings)
    began = time.perf_counter()
    pictures = torch.from_numpy(seen.picture)[None].to(choose_device(settings.device))
    value = classifier.probabilities(pictures, torch.tensor([not seen.as_it_was]))[0].cpu().numpy()
    done = Done(value, 0.0, time.perf_counter() - began, 1)
    return assemble.prediction(model, seen, classifier.classes, done, top_k, assemble.ms(time.perf_counter() - start))


@cache
def _load(dataset: str, model: str, settings: Settings) -> Classifier:
    try:
        return checkpoints.load(checkpoints.path_for(dataset, model, settings.weights), choose_device(settings.device))
    except checkpoints.CheckpointError as error:
        raise ApiError("model_unavailable", str(error)) from error
