"""When a request's answer is due, and what its time is counted by.

Times that are told are of `time.perf_counter`: uvloop's own clock, by which deadlines go, counts whole milliseconds.
"""

import asyncio
import time
from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, eq=False)  # each is a request's own, and tells requests apart
class Clock:
    """When a request's upload was complete, by `time.perf_counter`; when its answer is due, in the event loop's time;
    and how many seconds lie between.
    """

    start: float
    deadline: float
    limit_s: float

    @classmethod
    def starting(cls, limit_s: float) -> Self:
        """A clock that starts now."""
        return cls(time.perf_counter(), asyncio.get_running_loop().time() + limit_s, limit_s)

    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - asyncio.get_running_loop().time()

    def total_ms(self) -> float:
        """Milliseconds since the upload was complete."""
        return ms(time.perf_counter() - self.start)


def ms(seconds: float) -> float:
    """Milliseconds as the answers give them."""
    return round(seconds * 1000, 2)
