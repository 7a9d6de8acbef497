"""What waits in a queue for its result, and how waiting ends without one."""

import asyncio
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


class Late(Exception):
    """The deadline passed before there was a result."""


class Closed(Exception):
    """The queue is shutting down."""


class Broken(Exception):
    """What would have computed it fails again and again; `retry_after`: seconds until it is tried again."""

    def __init__(self, retry_after: float) -> None:
        super().__init__("it failed several times in a row")
        self.retry_after = retry_after


@dataclass(frozen=True)
class Done(Generic[Result]):
    """A result with what it took: seconds in the queue, seconds of the batch, and how many shared it."""

    value: Result
    queued_s: float
    ran_s: float
    batch_size: int


@dataclass(eq=False, slots=True)
class Ticket(Generic[Item, Result]):
    """An item that waits: for whom, until when by the event loop's clock, since when by `time.perf_counter`."""

    item: Item
    party: Hashable
    deadline: float
    arrived: float
    future: asyncio.Future[Result]

    def is_wanted(self) -> bool:
        """Whether to compute it; a late one is answered here."""
        if self.deadline <= asyncio.get_running_loop().time():
            fail([self], Late())
        return not self.future.done()


def fail(tickets: Iterable[Ticket[Item, Result]], error: BaseException) -> None:
    """Answer tickets with an error, where nothing else did."""
    for ticket in tickets:
        if not ticket.future.done():
            ticket.future.set_exception(error)
