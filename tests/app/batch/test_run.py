"""Chunks on threads: in order, never many at once; and how far a run is."""

import threading
import time

import pytest

from app.batch import chunks as cutting
from app.batch import run
from app.batch.asked import Asked
from app.batch.partial import Partial
from app.batch.run import AHEAD, Progress
from tests.app.batch.test_work import Pictures


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch):
    monkeypatch.setattr(cutting, "MOST", 2)


class Counted(Pictures):
    """Counts what was read."""

    def __init__(self, count):
        super().__init__(*[b"%d" % n for n in range(count)])
        self.read = 0

    def pictures(self, start=0):
        for picture in self.all[start:]:
            self.read += 1
            yield picture


def rows_of(chunk):
    return [{"picture": name} for name in chunk.names]


def test_rows_come_in_order_whichever_thread_is_done_first():
    def work(chunk):
        time.sleep(0.01 * (chunk.start % 6))
        return rows_of(chunk)

    told = list(run.here(work, Counted(23), 4, 1 << 20)(4))
    assert [at for at, _, _ in told] == list(range(4, 23, 2))
    assert [row["picture"] for _, rows, _ in told for row in rows] == [f"{n}.png" for n in range(4, 23)]
    assert told[-1][2] == 1.0


def test_no_more_is_read_than_threads_will_soon_want():
    source, gate = Counted(1000), threading.Event()

    def work(chunk):
        assert gate.wait(30)
        return rows_of(chunk)

    told = run.here(work, source, 2, 1 << 20)(0)
    threading.Timer(0.2, gate.set).start()
    next(told)
    assert source.read <= 2 * (2 * AHEAD + 2)
    told.close()
    assert source.read <= 2 * (2 * AHEAD + 2)


def test_what_a_thread_raises_ends_the_run_and_what_was_done_is_kept(tmp_path):
    def work(chunk):
        if chunk.start >= 6:
            raise MemoryError
        return rows_of(chunk)

    with Partial(tmp_path / "x.jsonl") as partial:
        partial.begin({})
        with pytest.raises(MemoryError):
            run.keep(run.here(work, Counted(20), 1, 1 << 20), partial, Progress(), lambda now: None)
        assert partial.begin({}) == 6


def test_rows_out_of_order_are_never_kept(tmp_path):
    def classify(start):
        yield 0, [{"picture": "0"}], 0.5
        yield 2, [{"picture": "2"}], 1.0

    with Partial(tmp_path / "x.jsonl") as partial:
        partial.begin({})
        with pytest.raises(RuntimeError, match="picture 2 came after those up to 1"):
            run.keep(classify, partial, Progress(), lambda now: None)
        assert partial.begin({}) == 1


def test_answers_that_a_vote_lacks_are_counted(tmp_path):
    rows = [{"picture": str(n), "label": "7", "votes": 5, "of": of} for n, of in enumerate((7, 6, 4))]
    with Partial(tmp_path / "x.jsonl") as partial:
        partial.begin({})
        partial.add([*rows, {"picture": "3", "error_code": "undecodable", "error_message": "bad"}], 0)
        assert run.finish(partial, Asked("vote", "mnist")) == run.Outcome(3, {"undecodable": 1}, 4)


def test_progress_tells_the_pace_of_this_run_and_the_time_left(tmp_path):
    seen = []
    progress = Progress(began=time.monotonic() - 8)

    def classify(start):
        yield start, [{"picture": "x"}] * 4 + [{"picture": "x", "error_code": "undecodable"}], 0.5
        yield start + 5, [{"picture": "x"}] * 15, 1.0

    with Partial(tmp_path / "x.jsonl") as partial:
        partial.begin({})
        run.keep(classify, partial, progress, lambda now: seen.append((now.done, now.failed, now.left_s())))
    assert [(done, failed) for done, failed, _ in seen] == [(5, 1), (20, 1)]
    assert seen[0][2] == pytest.approx(8, abs=2)
    assert seen[1][2] == 0
    assert progress.rate() == pytest.approx(20 / 8, rel=0.3)
    assert Progress().left_s() is None
