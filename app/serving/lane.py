"""Threads that batchers share, and whose turn it is."""

import asyncio
from collections import deque
from concurrent.futures import Executor
from contextlib import suppress
from typing import Protocol


class Member(Protocol):
    """Who stands in a lane's line."""

    def start(self) -> bool:
        """Run something on a stream that is free now; whether there was anything."""
        ...

    def backlog_s(self, turns: int) -> float:
        """Seconds of a stream that as many of its turns would take, or less where less waits."""
        ...


class Lane:
    """Threads that run batches, `streams` of them at once, and the line of those who wait for one: first come, first
    served. Used within one event loop.
    """

    def __init__(self, executor: Executor, streams: int = 1) -> None:
        self.executor = executor
        self.streams = streams
        self._free = streams
        self._line: deque[Member] = deque()

    def enter(self, member: Member) -> None:
        """Stand in line for a stream. `member.start` is called once one is free, and says whether it took it."""
        self._line.append(member)
        asyncio.get_running_loop().call_soon(self._serve)  # what comes in the same moment may share a batch

    def leave(self, member: Member) -> None:
        """Give a stream back. Who stands in line again, but has just had a turn, goes to its end."""
        self._free += 1
        with suppress(ValueError):
            self._line.remove(member)
            self._line.append(member)
        self._serve()

    def backlog_s(self, turns: int, but: Member) -> float:
        """Seconds of a stream that all others in line would take in so many turns each."""
        return sum(member.backlog_s(turns) for member in self._line if member is not but)

    def _serve(self) -> None:
        while self._free and self._line:
            self._free -= 1
            if not self._line.popleft().start():
                self._free += 1
