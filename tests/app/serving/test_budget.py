"""The memory that decoding may hold: never more than there is, in turn, and nobody waits for ever."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from app.serving.budget import Budget, NoRoom
from tests.serving import until


def test_never_more_is_held_than_there_is() -> None:
    budget, most, lock = Budget(100), [0], threading.Lock()

    def work(amount: int) -> None:
        with budget.hold(amount, 30), lock:
            most[0] = max(most[0], budget.used)

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(work, [40, 1, 70, 1000] * 50))
    assert 0 < most[0] <= 100
    assert budget.used == 0


def test_who_wants_more_than_all_of_it_gets_all_of_it() -> None:
    budget = Budget(100)
    with budget.hold(1000, 1):
        assert budget.used == 100


def test_who_came_first_is_first_however_much_is_wanted() -> None:
    budget, order = Budget(100), []

    def work(amount: int) -> None:
        with budget.hold(amount, 30):
            order.append(amount)

    with ThreadPoolExecutor(2) as pool:
        with budget.hold(60, 1):
            large = pool.submit(work, 90)
            until(lambda: len(budget) == 1)
            small = pool.submit(work, 10)  # it would fit
            until(lambda: len(budget) == 2)
        large.result(30), small.result(30)
    assert order == [90, 10]


def test_who_waits_too_long_is_told_what_was_missing_and_holds_up_nobody() -> None:
    budget = Budget(100)
    with budget.hold(60, 1):
        with pytest.raises(NoRoom, match="90 of the 100 bytes") as told, budget.hold(90, 0.01):
            pass
        with budget.hold(40, 0.01):
            assert budget.used == 100
    assert told.value.code == "deadline_exceeded"
    assert budget.used == 0
