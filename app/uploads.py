"""A picture as it was sent, and the memory that pictures of all requests may take."""

from dataclasses import dataclass
from typing import Self


class MemoryFull(Exception):
    """All requests together would hold more bytes than they may."""


class Memory:
    """How many bytes of uploads are held in memory at once, over all requests; used within one event loop."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.used = 0


class Share:
    """One request's part of Memory.

    It is given back when the `with` block has ended and no work on a thread holds it any more: a request that was
    given up leaves its bytes to a decoder that is still busy with them.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._taken = 0
        self._holders = 0

    def __enter__(self) -> Self:
        self.hold()
        return self

    def __exit__(self, *_: object) -> None:
        self.release()

    def hold(self) -> None:
        """Keep what was taken until `release`."""
        self._holders += 1

    def release(self) -> None:
        """Undo one `hold`; the last one gives back everything."""
        self._holders -= 1
        if not self._holders:
            self.give(self._taken)

    def take(self, count: int) -> None:
        """Add `count` bytes. Raises MemoryFull where all requests together would hold too many."""
        if self._memory.used + count > self._memory.limit:
            raise MemoryFull
        self._memory.used += count
        self._taken += count

    def give(self, count: int) -> None:
        """Take `count` bytes away again."""
        self._memory.used -= count
        self._taken -= count


@dataclass(frozen=True)
class Upload:
    """One picture as it was sent, and the share of the memory that it is part of."""

    data: bytes
    share: Share
