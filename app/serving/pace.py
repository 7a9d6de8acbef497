"""How quickly work is done, as measured, and what follows for whoever waits, or comes now."""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

SURE = 1.2  # how much too late something has to be by the estimate to be given up while it waits
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


class Waiting(Protocol):
    """What waits, and until when."""

    deadline: float


W = TypeVar("W", bound=Waiting)


def hopeless(waiting: Iterable[W], item_s: float, now: float) -> list[W]:
    """Of what waits, in the order of its turns, all that will be too late by far if each takes `item_s`."""
    return list(_late(list(waiting), item_s / SURE, now))


def _late(waiting: list[W], item_s: float, now: float) -> Iterator[W]:
    ahead = 0
    for one in waiting:
        if now + (ahead + 1) * item_s > one.deadline:
            yield one
        else:
            ahead += 1


def timed(run: Callable[[list[Item]], Sequence[Result]], items: list[Item]) -> tuple[Sequence[Result], float]:
    """The results, and the seconds that this thread worked for them, without those that it waited."""
    begun = time.thread_time()
    # These pass through a future badly: StopIteration never arrives, and SystemExit would end the worker.
    try:
        return run(items), time.thread_time() - begun
    except (StopIteration, SystemExit, KeyboardInterrupt) as error:
        raise RuntimeError(f"the batch function raised {error!r}") from error
