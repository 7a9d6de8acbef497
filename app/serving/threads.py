"""Threads: how many are of use, and a pool that lives on where no more can be started."""

import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from app.settings import MOST_THREADS, Settings, cores

log = logging.getLogger(__name__)

PIDS = Path("/sys/fs/cgroup/pids.max")
# What the service has of threads and processes for each that computes: two lanes of streams or two teams of PyTorch's
# and one that loads, an intake's thread, its decoder and what that may start; and as many again for all else.
EACH = 8


class Threads(ThreadPoolExecutor):
    """A pool that goes on with the threads that it has, where the system refuses more; `start` makes the first."""

    _told = False

    def start(self) -> None:
        """Start one thread. RuntimeError if not even that can be."""
        self.submit(int)

    def _adjust_thread_count(self) -> None:
        try:
            super()._adjust_thread_count()
        except RuntimeError as error:
            if not self._threads:
                raise
            if not self._told:
                log.warning("%s; %d do the work of %d", error, len(self._threads), self._max_workers)
            self._told = True


def computing(settings: Settings) -> int:
    """Threads for forward passes: as many as were asked for, but none beyond the cores, nor what the system allows."""
    return _capped("threads", settings.threads or cores(), min(cores(), _allowed()))


def opening(settings: Settings, least: int) -> int:
    """Threads that decode and prepare pictures; where nobody asked for a number, at least `least`."""
    return _capped("intake_threads", settings.intake_threads or min(4, max(least, cores())), _allowed())


def _capped(name: str, wanted: int, most: int) -> int:
    if wanted > most:
        log.warning("LINEUP_%s would be %d; %d are of use here, and no more are started", name.upper(), wanted, most)
    return min(wanted, most)


def _allowed() -> int:
    """Of how many threads this process may compute on, by what it and its user may start."""
    limits = []
    with suppress(ImportError):  # Windows has none
        import resource

        soft = resource.getrlimit(resource.RLIMIT_NPROC)[0]
        limits += [] if soft == resource.RLIM_INFINITY else [soft]
    with suppress(OSError, ValueError):  # no such file, or "max": no limit
        limits.append(int(PIDS.read_text(encoding="ascii")))
    return max(1, min(limits) // EACH) if limits else MOST_THREADS
