"""How long the process has been at work, for budgets in minutes."""

from __future__ import annotations

import time
from collections.abc import Callable

LONG = 5.0  # seconds: shorter pieces of work are believed
IDLE = 0.1  # of a core: a process at work uses more, even where another one shares its cores


def at_work(wall: float, processor: float) -> float:
    """Seconds of a piece of work that took ``wall`` seconds and used ``processor`` seconds of all threads.

    A process that was stopped (SIGSTOP, Ctrl-Z) meanwhile has used next to nothing of its time; of such a piece only
    the processors' seconds count. A stop that is shorter than LONG, or than some ten times the work, is not seen.
    """
    return processor if wall > LONG and processor < IDLE * wall else wall


class Stopwatch:
    """Seconds at work from one ``lap`` to the next; the first begins when it is made."""

    def __init__(
        self, wall: Callable[[], float] = time.monotonic, processor: Callable[[], float] = time.process_time
    ) -> None:
        self._wall, self._processor = wall, processor
        self._since = wall(), processor()

    def lap(self) -> float:
        """Seconds at work since the last lap."""
        before, self._since = self._since, (self._wall(), self._processor())
        return at_work(self._since[0] - before[0], self._since[1] - before[1])
