"""Seconds at work."""

import pytest

from models.training.stopwatch import IDLE, LONG, Stopwatch, at_work


@pytest.mark.parametrize(
    ("wall", "processor", "counted"),
    [
        (1.0, 2.0, 1.0),  # two threads
        (60.0, 58.0, 60.0),
        (60.0, 15.0, 60.0),  # a quarter of a core, three others have the rest: time of the run's minutes all the same
        (LONG, 0.0, LONG),  # short: a wait for a disk or a GPU
        (3600.0, 2.0, 2.0),  # stopped
        (10 * LONG, IDLE * 10 * LONG, 10 * LONG),
    ],
)
def test_what_used_next_to_no_processor_was_stopped(wall, processor, counted):
    assert at_work(wall, processor) == counted


def test_laps_follow_each_other():
    watch = Stopwatch(wall=iter([10.0, 11.0, 9999.0, 10001.0]).__next__, processor=iter([1.0, 2.0, 3.5, 5.5]).__next__)
    assert [watch.lap() for _ in range(3)] == [1.0, 1.5, 2.0]


def test_the_clock_runs_while_it_works():
    watch = Stopwatch()
    assert sum(range(10_000)) > 0
    assert watch.lap() > 0
