"""Answers without a server, for the command line: the service's own intake and answers, one picture at a time."""

import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from app.answers import Comparison, Prediction
from app.batch.pictures import read_at_most
from app.errors import ApiError, one_of
from app.serving import assemble, runtimes
from app.serving.assemble import Answered, Outcome
from app.serving.backends import Chances, Loaded
from app.serving.clock import ms
from app.serving.engine import maker
from app.serving.intake import Intake
from app.serving.tickets import Done
from app.settings import Settings
from models import catalog, checkpoints, vote
from models.datasets import DATASETS
from models.intake.pipeline import Seen


def all_names() -> list[str]:
    """The networks in the order of their dates, without extras."""
    return list(catalog.ARCHITECTURES)


def wrong_names(dataset: str, names: Sequence[str]) -> str | None:
    """What is wrong with these names, if something is."""
    if dataset != "auto" and dataset not in DATASETS:
        return one_of("dataset", dataset, ["auto", *DATASETS])
    known = [*catalog.ARCHITECTURES, *catalog.EXTRAS]
    return next((one_of("network", name, known) for name in names if name not in known), None)


class Local:
    """Networks of one folder of checkpoints, each loaded when it is first asked, with the intake of that folder.

    FileNotFoundError if there is no such folder, RuntimeError if the device of the settings is not there.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._folder = checkpoints.root(settings.weights)
        # One picture at a time: a GPU records no larger batches.
        self._runtime = runtimes.choose(settings.model_copy(update={"max_batch_size": 1}))
        self._runtime.configure()
        self._intake = Intake()
        self._intake.load(self._folder)
        self._loaded: dict[tuple[str, str], Loaded] = {}

    def predict(self, path: Path, model: str, dataset: str, top_k: int) -> Prediction | ApiError:
        """One network's answer for the picture in a file; an ApiError in its place where it cannot be had."""
        start = time.perf_counter()
        try:
            return self._ask(model, self._see(path, dataset), top_k, start).prediction
        except ApiError as error:
            return error

    def compare(self, path: Path, names: Sequence[str], dataset: str) -> tuple[Comparison, Seen] | ApiError:
        """The answers of several networks with what they saw; an ApiError where the picture cannot be read or none
        answers.
        """
        start = time.perf_counter()
        try:
            seen = self._see(path, dataset)
            outcomes = {name: self._outcome(name, seen, start) for name in names}
            return assemble.comparison(outcomes, seen, ms(time.perf_counter() - start)), seen
        except ApiError as error:
            return error

    def _see(self, path: Path, dataset: str) -> Seen:
        try:
            with path.open("rb") as file:  # who names a pipe, as a shell does, means what comes through it
                data = read_at_most(file, self._settings.max_upload_bytes)
        except OSError as error:
            raise ApiError("not_found", f"cannot read {path}: {error.strerror}") from error
        return self._intake.see(data, dataset, self._settings.max_pixels)

    def _outcome(self, model: str, seen: Seen, start: float) -> Outcome:
        try:
            return self._ask(model, seen, 10, start)
        except ApiError as error:
            return error

    def _ask(self, model: str, seen: Seen, top_k: int, start: float) -> Answered:
        loaded = self._load(seen.dataset, model)
        began = time.perf_counter()
        value = loaded.backend.probabilities(seen.picture[None], np.array([not seen.as_it_was]))[0]
        said = Chances(value, loaded.header["digest"], vote.weight(loaded.header.get("metrics", {})))
        done = Done(said, 0.0, time.perf_counter() - began, 1)
        total_ms = ms(time.perf_counter() - start)
        return assemble.answered(model, seen, DATASETS[seen.dataset].classes, done, top_k, total_ms)

    def _load(self, dataset: str, model: str) -> Loaded:
        if (dataset, model) not in self._loaded:
            path = checkpoints.path_for(dataset, model, self._folder)
            try:
                loaded = self._runtime.load(path)
                checkpoints.expect_network(path, loaded.header, model, dataset)
            except checkpoints.CheckpointError as error:
                right = "" if checkpoints.is_there(path) else f"; {maker(dataset, model)}"
                raise ApiError("model_unavailable", f"{error}{right}") from error
            self._loaded[dataset, model] = loaded
        return self._loaded[dataset, model]
