"""What was measured, and what follows from it."""

from dataclasses import dataclass

import pytest

from app.serving.pace import Pace, QueueFull, check, hopeless


@dataclass(eq=False)
class Ticket:
    deadline: float


def test_the_first_measure_counts_whole_and_later_ones_in_part() -> None:
    pace = Pace()
    pace.saw(4, 2.0)
    assert pace.item_s == 0.5
    pace.saw(1, 1.5)
    assert pace.item_s == pytest.approx(0.7)


@pytest.mark.parametrize(
    ("waiting", "most", "wait_s", "within_s", "retry_after"),
    [
        (2, 2, 3.2, 10, 4),  # the queue is full: when what waits now will have been answered
        (2, None, 12.5, 10, 3),  # too late by so much
        (2, 3, 10.1, 10, 1),
    ],
)
def test_who_is_refused_is_told_when_to_come_again(
    waiting: int, most: int | None, wait_s: float, within_s: float, retry_after: int
) -> None:
    with pytest.raises(QueueFull, match=f"{waiting} pictures are waiting already") as refused:
        check(waiting, most, wait_s, within_s)
    assert refused.value.retry_after == retry_after


@pytest.mark.parametrize(("waiting", "wait_s"), [(0, 99.0), (1, 10.0), (5, 0.0)])
def test_who_can_be_answered_in_time_or_has_nobody_before_him_is_not(waiting: int, wait_s: float) -> None:
    check(waiting, 256, wait_s, 10.0)


def test_of_those_that_wait_the_ones_without_a_chance_make_room_for_the_others() -> None:
    waiting = [Ticket(100 + left) for left in (5, 0.5, 5, 5, 5, 5, 9)]
    given_up = hopeless(waiting, 1.2, 100)  # a second each, once it is sure
    assert given_up == [waiting[1]]
    given_up = hopeless(waiting, 2.4, 100)
    assert given_up == [waiting[1], *waiting[3:6]]
    assert hopeless(waiting, 0.0, 100) == []
