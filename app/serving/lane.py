"""Threads that batchers share, and whose turn it is: first those of requests that somebody waits for, and behind them
work that fills what time is left.
"""

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

    `background` is the same lane for work that may wait: it gets a stream only while nobody stands in the line itself,
    and never all of them where there are several, so that whoever comes finds one that is free.
    """

    def __init__(self, executor: Executor, streams: int = 1) -> None:
        self.executor = executor
        self.streams = streams
        self.background = BackgroundLine(self)
        self._free = streams
        self._line: deque[Member] = deque()

    def enter(self, member: Member) -> None:
        """Stand in line for a stream. `member.start` is called once one is free, and says whether it took it."""
        self._line.append(member)
        asyncio.get_running_loop().call_soon(self.serve)  # what comes in the same moment may share a batch

    def leave(self, member: Member) -> None:
        """Give a stream back. Who stands in line again, but has just had a turn, goes to its end."""
        self._free += 1
        _to_the_end(self._line, member)
        self.serve()

    def backlog_s(self, turns: int, but: Member) -> float:
        """Seconds of a stream that all others in line would take in so many turns each."""
        return sum(member.backlog_s(turns) for member in self._line if member is not but)

    def serve(self) -> None:
        """Give streams that are free to who stands in line, and where nobody does, to the background."""
        while self._free and self._line:
            self._free -= 1
            if not self._line.popleft().start():
                self._free += 1
        while self._free and self.background.may_start():
            self._free -= 1
            if not self.background.start_next():
                self._free += 1


class BackgroundLine:
    """A lane's line of those who wait until nobody else does. What runs is not interrupted: keep it short."""

    def __init__(self, lane: Lane) -> None:
        self.executor = lane.executor
        self.streams = max(1, lane.streams - 1)
        self._lane = lane
        self._free = self.streams
        self._line: deque[Member] = deque()

    def enter(self, member: Member) -> None:
        """See Lane."""
        self._line.append(member)
        asyncio.get_running_loop().call_soon(self._lane.serve)

    def leave(self, member: Member) -> None:
        """See Lane."""
        self._free += 1
        _to_the_end(self._line, member)
        self._lane.leave(member)

    def backlog_s(self, turns: int, but: Member) -> float:
        """Seconds of a stream that all others in line would take, those included who come before the background."""
        own = sum(member.backlog_s(turns) for member in self._line if member is not but)
        return own + self._lane.backlog_s(turns, but)

    def may_start(self) -> bool:
        """Whether somebody stands in line, and the background has not all the streams that it may have."""
        return bool(self._free and self._line)

    def start_next(self) -> bool:
        """Let the next in line run something on a stream that the lane gives it; whether there was anything."""
        self._free -= 1
        if self._line.popleft().start():
            return True
        self._free += 1
        return False


def _to_the_end(line: deque[Member], member: Member) -> None:
    with suppress(ValueError):
        line.remove(member)
        line.append(member)
