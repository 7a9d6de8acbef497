"""The circuit breaker, by a clock that the test turns."""

import pytest

from app.serving.breaker import FAILURES, FIRST_S, LONGEST_S, Breaker


class Time:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def opened(time: Time) -> Breaker:
    breaker = Breaker(time)
    assert [breaker.failed() for _ in range(FAILURES)] == [False] * (FAILURES - 1) + [True]
    return breaker


def test_it_opens_after_some_failures_in_a_row_and_not_before(time: Time) -> None:
    breaker = Breaker(time)
    for _ in range(3):
        for _ in range(FAILURES - 1):
            breaker.failed()
        assert (breaker.is_open(), breaker.lets_through()) == (False, True)
        breaker.succeeded()


def test_while_it_is_open_nothing_passes_but_one_trial_after_a_pause(time: Time, opened: Breaker) -> None:
    assert (opened.is_open(), opened.lets_through(), opened.wait_s()) == (True, False, FIRST_S)
    time.now += FIRST_S
    assert opened.wait_s() == 0
    assert [opened.lets_through(), opened.lets_through()] == [True, False]


def test_each_trial_that_fails_doubles_the_pause_up_to_a_minute(time: Time, opened: Breaker) -> None:
    pauses = []
    for _ in range(6):
        time.now += opened.wait_s()
        assert opened.lets_through()
        opened.failed()
        pauses.append(opened.wait_s())
    assert pauses == [10, 20, 40, LONGEST_S, LONGEST_S, LONGEST_S]


def test_a_trial_that_succeeds_closes_it(time: Time, opened: Breaker) -> None:
    time.now += FIRST_S
    opened.lets_through()
    opened.succeeded()
    assert (opened.is_open(), opened.wait_s(), opened.lets_through()) == (False, 0, True)


def test_a_trial_of_which_nothing_is_heard_is_followed_by_another(time: Time, opened: Breaker) -> None:
    time.now += FIRST_S
    assert opened.lets_through()
    time.now += FIRST_S
    assert opened.lets_through()


def test_what_was_under_way_as_it_opened_makes_no_pause_longer(time: Time, opened: Breaker) -> None:
    time.now += 1
    assert [opened.failed() for _ in range(3)] == [True] * 3
    assert opened.wait_s() == FIRST_S - 1
