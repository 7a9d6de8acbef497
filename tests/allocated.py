"""How much memory something takes."""

import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_most(count: int) -> Iterator[None]:
    """Fail where Python and NumPy allocate `count` bytes or more at once meanwhile."""
    tracemalloc.start()
    try:
        yield
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < count, f"{most} bytes"
