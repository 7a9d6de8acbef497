"""A circuit breaker: what has failed again and again is not tried for a while (Nygard, Release It!, 2007, 5.2)."""

import time
from collections.abc import Callable

FAILURES = 5  # in a row: a picture or two that break a network are not the network
FIRST_S, LONGEST_S = 5.0, 60.0  # seconds until the next trial; twice as long after each that fails


class Breaker:
    """Counts failures in a row. Once they are FAILURES it is open: nothing is let through but a trial now and then,
    and the first success closes it.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._failures = 0
        self._pause_s = FIRST_S
        self._next_trial = 0.0
        self._on_trial = False

    def is_open(self) -> bool:
        """Whether it has failed so often that only trials are let through."""
        return self._failures >= FAILURES

    def wait_s(self) -> float:
        """Seconds until something is let through; 0: now."""
        return max(0.0, self._next_trial - self._now()) if self.is_open() else 0.0

    def lets_through(self) -> bool:
        """Whether to try; of an open one this is the trial, and the next is a pause away."""
        if not self.is_open():
            return True
        if self.wait_s() > 0:
            return False
        self._next_trial = self._now() + self._pause_s
        self._on_trial = True
        return True

    def failed(self) -> bool:
        """Count a failure; whether it is open now. What had begun before it opened makes no pause longer."""
        self._failures += 1
        if self._on_trial:
            self._pause_s = min(LONGEST_S, 2 * self._pause_s)
        if self._on_trial or self._failures == FAILURES:
            self._next_trial = self._now() + self._pause_s
        self._on_trial = False
        return self.is_open()

    def succeeded(self) -> None:
        """All is well."""
        self._failures = 0
        self._pause_s = FIRST_S
        self._on_trial = False
