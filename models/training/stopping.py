"""How a run is asked to stop, and what it then raises."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Interrupted(Exception):
    """The run was asked to stop and has saved its state."""


class StopFlag:
    """Set by SIGINT and SIGTERM, and ``minutes`` after it was made; the trainer asks after each step. A second signal
    ends the process at once.
    """

    def __init__(self, minutes: float | None = None) -> None:
        self.is_set = False
        self._until = math.inf if minutes is None else time.monotonic() + 60 * minutes
        self._at_once: str | None = None
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._set)

    @contextmanager
    def nothing_to_save(self, told: str) -> Iterator[None]:
        """Within, as while a run that ended is measured, nobody asks: the first signal raises Interrupted with what is
        ``told``, also one that came before.
        """
        if self():
            raise Interrupted(told)
        self._at_once = told
        try:
            yield
        finally:
            self._at_once = None

    def _set(self, number: int, frame: object) -> None:
        self.is_set = True
        signal.signal(number, signal.SIG_DFL)
        if self._at_once is not None:
            raise Interrupted(self._at_once)
        print("saving the state; once more to end without", flush=True)

    def __call__(self) -> bool:
        return self.is_set or time.monotonic() > self._until
