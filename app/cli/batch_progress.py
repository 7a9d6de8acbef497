"""How far a run of `lineup batch` is: a bar in a terminal, lines elsewhere."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from app.batch import run

LINES_S = 10.0  # between two lines, where there is no terminal


@contextmanager
def shown(console: Console | None = None) -> Iterator[Callable[[run.Progress], None]]:
    """What is told of the progress, and shows it until the block ends."""
    console = console or Console()
    if console.is_terminal:
        with Progress(BarColumn(), TextColumn("{task.description}"), console=console) as bar:
            task = bar.add_task("loading", total=1.0)
            yield lambda now: bar.update(task, completed=now.share, description=sentence(now))
    else:
        yield _Lines(console)


class _Lines:
    def __init__(self, console: Console) -> None:
        self._console, self._last = console, time.monotonic()

    def __call__(self, now: run.Progress) -> None:
        if time.monotonic() - self._last >= LINES_S:
            self._last = time.monotonic()
            self._console.print(sentence(now), highlight=False, soft_wrap=True)


def sentence(now: run.Progress) -> str:
    """Pictures done, how many a second, how much of the source that is, and the time left."""
    parts = [f"{now.done:,} pictures", f"{now.rate():,.1f}/s", f"{now.share:.0%}"]
    if (left := now.left_s()) is not None:
        parts.append(f"{timedelta(seconds=round(left))} left")
    return ", ".join(parts + ([f"{now.failed:,} failed"] if now.failed else []))
