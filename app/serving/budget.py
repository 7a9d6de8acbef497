"""The memory that decoding may hold: each picture waits, in the order of coming, until its part is free."""

import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

from models.intake.steps import IntakeError


class NoRoom(IntakeError):
    """The memory that a picture needs was not free in time."""

    code = "deadline_exceeded"


class Budget:
    """At most ``total`` bytes, held by those who are in ``hold``; who wants more than all of it gets all of it."""

    def __init__(self, total: int) -> None:
        self.total = total
        self.used = 0
        self._line: deque[object] = deque()
        self._changed = threading.Condition()

    def __len__(self) -> int:
        """How many wait."""
        return len(self._line)

    @contextmanager
    def hold(self, amount: int, seconds: float) -> Iterator[None]:
        """Hold ``amount`` bytes. Raises NoRoom where they are not free within ``seconds``."""
        amount = min(amount, self.total)
        self._enter(amount, seconds)
        try:
            yield
        finally:
            with self._changed:
                self.used -= amount
                self._changed.notify_all()

    def _enter(self, amount: int, seconds: float) -> None:
        place, end = object(), time.monotonic() + seconds
        with self._changed:
            self._line.append(place)
            try:
                while self._line[0] is not place or self.used + amount > self.total:
                    if not self._changed.wait(end - time.monotonic()):
                        told = f"{amount} of the {self.total} bytes that pictures may hold while they are decoded"
                        raise NoRoom(f"{told} were not free within {seconds:g} s; try again later")
                self.used += amount
            finally:
                self._line.remove(place)
                self._changed.notify_all()  # the next in line may fit too
