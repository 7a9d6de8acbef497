"""A queue in which those who wait take turns: whoever has put in a hundred things delays others by one, not by all."""

from collections import OrderedDict, deque
from collections.abc import Callable, Hashable, Iterator
from itertools import zip_longest
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_NOTHING: Any = object()


class Turns(Generic[T]):
    """Things of several parties, round robin over the parties, and of each its oldest first.

    A party is one request, however many pictures it has sent; told apart by equality and hash. With one thing each
    this is a plain queue. Used within one event loop.
    """

    def __init__(self) -> None:
        self._parties: OrderedDict[Hashable, deque[T]] = OrderedDict()  # whose turn is next stands first; none is empty
        self._count = 0

    def __len__(self) -> int:
        """How many things wait, of all parties."""
        return self._count

    def __iter__(self) -> Iterator[T]:
        """All things, in the order of their turns."""
        rounds = zip_longest(*self._parties.values(), fillvalue=_NOTHING)
        return (thing for one in rounds for thing in one if thing is not _NOTHING)

    def ahead(self, party: Hashable) -> int:
        """How many things would have their turn before a new one of `party`."""
        own = len(self._parties.get(party, ()))
        if not own:
            return len(self._parties)  # one of each
        return own + sum(min(len(things), own + 1) for other, things in self._parties.items() if other != party)

    def append(self, party: Hashable, thing: T) -> None:
        """Put a thing in, behind the others of its party; a party that is new waits for its turn behind the others."""
        self._parties.setdefault(party, deque()).append(thing)
        self._count += 1

    def pop(self, allowed: Callable[[Hashable], bool] = lambda party: True) -> T | None:
        """Take out the oldest of the party whose turn it is, of those that are allowed one; None where none is."""
        for party, things in self._parties.items():
            if allowed(party):
                thing = things.popleft()
                self._parties.move_to_end(party)
                self._forget(party)
                return thing
        return None

    def remove(self, party: Hashable, thing: T) -> None:
        """Take a thing out, if it is still in."""
        things = self._parties.get(party)
        if things is not None and thing in things:
            things.remove(thing)
            self._forget(party)

    def clear(self) -> list[T]:
        """Take out everything."""
        everything = list(self)
        self._parties.clear()
        self._count = 0
        return everything

    def _forget(self, party: Hashable) -> None:
        """Count what was taken out, and drop a party that has nothing left."""
        self._count -= 1
        if not self._parties[party]:
            del self._parties[party]
