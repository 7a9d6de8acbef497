"""From a chunk of pictures to rows, by the service's intake and engine: what a thread, or a cluster's worker, does."""

import logging
import threading
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import TypeVar

import numpy as np

from app.batch import rows
from app.batch.asked import Asked
from app.batch.chunks import Chunk, Content
from app.batch.rows import Chances, Row
from app.errors import ApiError
from app.serving.decoders import Decoders
from app.serving.engine import Engine
from app.serving.intake import Intake
from app.serving.opening import AT_ONCE
from app.serving.opening import Asked as Asking
from app.serving.state import told
from app.serving.together import FAILED
from app.settings import Settings
from models.intake.pipeline import Seen

log = logging.getLogger(__name__)
T = TypeVar("T")

PASSING = ("not_ready", "deadline_exceeded")  # what a picture may suffer for the others' sake; it is looked at again


class Work:
    """Intake and networks, loaded; safe to call from several threads. RuntimeError, in one line, where no network or
    no dataset could be told.
    """

    def __init__(self, settings: Settings, asked: Asked, engine: Engine | None = None, intake: Intake | None = None):
        self._settings, self._asked = settings, asked
        self._engine = engine or Engine(settings.model_copy(update={"networks": ",".join(asked.networks)}))
        self._intake = intake or Intake(Decoders.of(settings))
        self._engine.configure()
        root = self._engine.root()
        self._intake.load(root)
        self._engine.load(root)
        self._streams = threading.Semaphore(self._engine.streams)
        # What of `Asked.digests` is not ready though it was asked for, and why, in words.
        self.lacking = dict(self._lacks())
        if wrong := self._wrong():
            self.close()
            raise RuntimeError(wrong)

    def __call__(self, chunk: Chunk) -> list[Row]:
        """One row a picture, in order."""
        outcomes = self._see(chunk.contents)
        well = [at for at, one in enumerate(outcomes) if isinstance(one, Seen)]
        seen = [one for one in outcomes if isinstance(one, Seen)]
        given = {name: dict(zip(well, self._ask(name, seen), strict=True)) for name in self._asked.networks}
        return [
            self._row(name, one, {network: told[at] for network, told in given.items()})
            if isinstance(one, Seen)
            else rows.failed(name, one)
            for at, (name, one) in enumerate(zip(chunk.names, outcomes, strict=True))
        ]

    def close(self) -> None:
        """End what decodes elsewhere."""
        self._intake.close()

    def _row(self, name: str, seen: Seen, given: dict[str, Chances | ApiError]) -> Row:
        told = {network: one for network, one in given.items() if not isinstance(one, ApiError)}
        if told:
            weights = {network: self._engine.weight(seen.dataset, network) for network in told}
            return rows.answered(name, self._asked, seen, told, weights)
        return rows.failed(name, next(one for one in given.values() if isinstance(one, ApiError)))

    def _see(self, contents: Sequence[Content]) -> list[Seen | ApiError]:
        """Tiny pictures some at once, every other by itself, as the service does."""
        seen: list[Content | Seen | ApiError] = list(contents)
        files = [(at, one) for at, one in enumerate(contents) if isinstance(one, bytes)]
        tiny = [(at, one) for at, one in files if self._intake.is_tiny(one)]
        for group in _batched(tiny, AT_ONCE):
            asked: list[Asking] = [(data, self._asked.dataset, "auto") for _, data in group]
            for (at, _), one in zip(group, self._intake.see_all(asked, self._settings.max_pixels), strict=True):
                seen[at] = one if isinstance(one, Seen) else _told(one)
        for at, data in files:
            if isinstance(seen[at], bytes):
                seen[at] = self._see_one(data)
        return [one for one in seen if not isinstance(one, bytes)]

    def _see_one(self, data: bytes) -> Seen | ApiError:
        for last in (False, True):
            try:
                return self._intake.see(data, self._asked.dataset, self._settings.max_pixels)
            except Exception as error:
                told = _told(error)
                if last or told.code not in PASSING:
                    return told
        raise AssertionError

    def _ask(self, network: str, seen: Sequence[Seen]) -> list[Chances | ApiError]:
        """What a network says of each, in batches of each dataset."""
        given: list[Chances | ApiError | None] = [None] * len(seen)
        for dataset in self._asked.datasets:
            own = [at for at, one in enumerate(seen) if one.dataset == dataset]
            for batch in _batched(own, self._engine.max_batch(network)):
                said = self._predict(dataset, network, [seen[at] for at in batch])
                for at, one in zip(batch, said, strict=True):
                    given[at] = one
        return [one for one in given if one is not None]

    def _predict(self, dataset: str, network: str, seen: Sequence[Seen]) -> Sequence[Chances | ApiError]:
        state = self._engine.states()[dataset, network]
        if state.state != "ready":
            return [ApiError("model_unavailable", told(dataset, network, state))] * len(seen)
        pictures = np.stack([one.picture for one in seen])
        as_sent = np.array([not one.as_it_was for one in seen])
        try:
            with self._streams:
                return list(self._engine.predict(dataset, network, pictures, as_sent))
        except Exception:
            if len(seen) > 1:  # one that fails, or all of them being too many for a GPU's memory, fails no others
                return [told for one in seen for told in self._predict(dataset, network, [one])]
            log.exception("%s failed on a picture", network)
            return [ApiError("internal", FAILED)]

    def _lacks(self) -> Iterator[tuple[str, str]]:
        for (dataset, network), state in self._engine.states().items():
            if dataset in self._asked.datasets and state.state != "ready":
                yield f"{dataset}/{network}", told(dataset, network, state)

    def _wrong(self) -> str | None:
        if len(self.lacking) == len(self._asked.datasets) * len(self._asked.networks):
            return next(iter(self.lacking.values()))
        if self._asked.dataset == "auto":
            try:
                self._intake.check_auto()
            except ApiError as error:
                return error.message
        return None


def _told(error: Exception) -> ApiError:
    if isinstance(error, ApiError):
        return error.again()
    log.error("a picture failed", exc_info=error)
    return ApiError("internal", FAILED)


def _batched(items: Sequence[T], size: int) -> Iterator[list[T]]:
    left = iter(items)
    while batch := list(islice(left, size)):
        yield batch
