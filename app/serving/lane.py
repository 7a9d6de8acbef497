"""Threads that batchers share, and whose turn it is."""

import asyncio
from collections import deque
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress


class Lane:
    """Threads that run batches, `streams` of them at once, and the line of those who wait for one: first come, first
    served. Used within one event loop.
    """

    def __init__(self, executor: Executor, streams: int = 1) -> None:
        self.executor = executor
        self.streams = streams
        self._free = streams
        self._line: deque[Callable[[], bool]] = deque()

    def enter(self, start: Callable[[], bool]) -> None:
        """Stand in line for a stream. `start` is called once one is free, and says whether it took it."""
        self._line.append(start)
        asyncio.get_running_loop().call_soon(self._serve)  # what comes in the same moment may share a batch

    def leave(self, start: Callable[[], bool]) -> None:
        """Give a stream back. Who stands in line again, but has just had a turn, goes to its end."""
        self._free += 1
        with suppress(ValueError):
            self._line.remove(start)
            self._line.append(start)
        self._serve()

    def _serve(self) -> None:
        while self._free and self._line:
            self._free -= 1
            if not self._line.popleft()():
                self._free += 1
