"""A run: chunks to rows on threads or over Ray, rows into parts, parts into the output."""

import time
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from app.batch import formats, rows
from app.batch.asked import Asked
from app.batch.chunks import Chunk, chunks
from app.batch.partial import Partial
from app.batch.rows import Row
from app.batch.sources import Source

PART_ROWS, PART_S = 4096, 5.0  # a part is kept once it has so many rows, or is so many seconds old
AHEAD = 3  # chunks a thread that wait for it, or, done, for those before them

Told = tuple[int, list[Row], float]  # of a chunk: where it starts, its rows, the share of the source up to its end
Classify = Callable[[int], Iterator[Told]]  # all chunks from a picture on, in order


@dataclass
class Progress:
    """How far a run is: pictures done and how many of them before it began, failed ones, share of the source."""

    before: int = 0
    done: int = 0
    failed: int = 0
    share: float = 0.0
    first_share: float | None = None  # of the source before what this run did
    began: float = field(default_factory=time.monotonic)

    def rate(self) -> float:
        """Pictures a second of this run."""
        return (self.done - self.before) / max(1e-9, time.monotonic() - self.began)

    def left_s(self) -> float | None:
        """Seconds to the end at the pace so far; None where that cannot be told yet."""
        gained = self.share - (self.first_share or 0.0)
        if self.first_share is None or gained <= 0:
            return None
        return (time.monotonic() - self.began) * (1 - self.share) / gained


def here(work: Callable[[Chunk], list[Row]], source: Source, threads: int, most_bytes: int) -> Classify:
    """Classifying on threads of this process, which together hold about `most_bytes` of pictures."""
    each = most_bytes // (threads * (AHEAD + 1))

    def classify(start: int) -> Iterator[Told]:
        waiting: deque[tuple[Chunk, Future[list[Row]]]] = deque()
        pool = ThreadPoolExecutor(threads, "batch")
        try:
            for chunk in chunks(source, start, each):
                waiting.append((chunk, pool.submit(work, chunk)))
                while len(waiting) > threads * AHEAD or (waiting and waiting[0][1].done()):
                    yield _result(*waiting.popleft())
            while waiting:
                yield _result(*waiting.popleft())
        finally:
            pool.shutdown(cancel_futures=True)

    return classify


def keep(classify: Classify, partial: Partial, progress: Progress, tell: Callable[[Progress], None]) -> None:
    """Classify what is not in `partial` yet and keep it there, part by part; at an early end, what is at hand too."""
    start, held, since = progress.done, list[Row](), time.monotonic()
    told = classify(start)
    try:
        for at, found, share in told:
            if at != start + len(held):
                raise RuntimeError(f"rows of picture {at} came after those up to {start + len(held)}")
            held += found
            _count(progress, found, share)
            tell(progress)
            if len(held) >= PART_ROWS or time.monotonic() - since >= PART_S:
                partial.add(held, start)
                start, held, since = start + len(held), [], time.monotonic()
    finally:
        if held:
            partial.add(held, start)
        told.close()  # type: ignore[attr-defined]


@dataclass
class Outcome:
    """Of a whole run: pictures with an answer, those without by error code, and answers of single networks that votes
    had to do without.
    """

    answered: int = 0
    failed: dict[str, int] = field(default_factory=Counter)
    dropped: int = 0


def finish(partial: Partial, asked: Asked) -> Outcome:
    """Make the output of all rows; what has come of them."""
    columns, suffix, found = rows.columns(asked), partial.out.suffix.lower(), Outcome()

    def write(file: IO[bytes], kept: Iterable[Row]) -> dict[str, Any]:
        with formats.table(file, suffix, columns) as table:
            for row in kept:
                table.write(row)
                if code := row.get("error_code"):
                    found.failed[code] += 1
                else:
                    found.answered += 1
                    found.dropped += len(asked.networks) - row["of"] if "of" in row else 0
        return vars(found)

    partial.finish(write)
    return found


def _result(chunk: Chunk, future: "Future[list[Row]]") -> Told:
    return chunk.start, future.result(), chunk.share


def _count(progress: Progress, found: list[Row], share: float) -> None:
    if progress.first_share is None and found:
        done = len(found)
        progress.first_share = share * progress.done / (progress.done + done)
    progress.done += len(found)
    progress.failed += sum("error_code" in row for row in found)
    progress.share = share


def out_problem(out: Path, *, force: bool) -> str | None:
    """Why the answers cannot be written there, in one line; None where they can."""
    if out.suffix.lower() not in formats.SUFFIXES:
        return f"--out is {str(out)!r}; its name should end in {', '.join(formats.SUFFIXES)}"
    if not out.parent.is_dir():
        return f"--out is {str(out)!r}, but there is no folder {out.parent}"
    if out.is_dir():
        return f"--out is {str(out)!r}, which is a folder; name a file in it"
    if out.exists() and not force:
        return f"{out} is there already; name another --out, or write it anew with --force"
    return None
