"""How quickly work is done, as measured, and what follows for whoever comes now."""

import math

SHARE = 0.2  # of the newest measure in the moving average: some ten batches say how it goes now


class Pace:
    """Seconds that a stream or a thread takes for one item: a moving average of what was measured."""

    def __init__(self) -> None:
        self.item_s = 0.0  # 0: nothing was measured yet, and nobody is refused for it

    def saw(self, count: int, seconds: float) -> None:
        """So many items took so long on one stream, others beside it included."""
        measured = seconds / count
        self.item_s += (measured - self.item_s) * (SHARE if self.item_s else 1)


class QueueFull(Exception):
    """No room for another, or not in time. `wait_s`: seconds until it would have been answered; `retry_after`: seconds
    after which another may be, by the same estimate.
    """

    def __init__(self, waiting: int, wait_s: float, within_s: float | None = None) -> None:
        told = f"{waiting} pictures are waiting already"
        if within_s is not None:
            told = f"{told}: an answer would take about {wait_s:.3g} s, longer than the {within_s:.3g} s that are left"
        super().__init__(told)
        self.wait_s = wait_s
        self.retry_after = max(1, math.ceil(wait_s if within_s is None else wait_s - within_s))


def check(waiting: int, most: int | None, wait_s: float, within_s: float) -> None:
    """Raise QueueFull where as many wait as may, or the answer would come too late because of those that do."""
    if most is not None and waiting >= most:
        raise QueueFull(waiting, wait_s)
    if waiting and wait_s > within_s:
        raise QueueFull(waiting, wait_s, within_s)
