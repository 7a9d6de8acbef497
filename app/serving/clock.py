"""When a request's answer is due, and what its time is counted by.

Times that are told are of `time.perf_counter`: uvloop's own clock, by which deadlines go, counts whole milliseconds.
"""

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True, eq=False)
class Clock:
    """When a request's upload was complete, by `time.perf_counter`; when its answer is due, in the event loop's time;
    how many seconds lie between; and what tells the request from others in queues where requests take turns.
    """

    start: float
    deadline: float
    limit_s: float
    party: Hashable = field(default_factory=object)

    @classmethod
    def starting(cls, limit_s: float, party: Hashable = None) -> Self:
        """A clock that starts now, of a request that is known as `party` already, or of a new one."""
        times = time.perf_counter(), asyncio.get_running_loop().time() + limit_s, limit_s
        return cls(*times) if party is None else cls(*times, party)

    def left_s(self) -> float:
        """Seconds until the deadline."""
        return self.deadline - asyncio.get_running_loop().time()

    def total_ms(self) -> float:
        """Milliseconds since the upload was complete."""
        return ms(time.perf_counter() - self.start)


def ms(seconds: float) -> float:
    """Milliseconds as the answers give them."""
    return round(seconds * 1000, 2)
