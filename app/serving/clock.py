"""When a request's answer is due."""

import asyncio
from dataclasses import dataclass


@dataclass(frozen=True)
class Clock:
    """When a request's upload was complete and when its answer is due, in the event loop's time."""

    start: float
    deadline: float

    def total_ms(self) -> float:
        """Milliseconds since the upload was complete."""
        return ms(asyncio.get_running_loop().time() - self.start)


def ms(seconds: float) -> float:
    """Milliseconds as the answers give them."""
    return round(seconds * 1000, 2)
