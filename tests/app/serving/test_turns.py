"""The queue in which requests take turns."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from app.serving.turns import Turns


def filled(*things: tuple[str, Any]) -> Turns[Any]:
    turns: Turns[Any] = Turns()
    for party, thing in things:
        turns.append(party, thing)
    return turns


def emptied(turns: Turns[Any]) -> list[Any]:
    return [turns.pop() for _ in range(len(turns))]


def test_a_party_with_many_delays_another_by_one() -> None:
    turns = filled(*(("batch", n) for n in range(64)), ("lone", "x"), ("other", "y"))
    assert emptied(turns)[:5] == [0, "x", "y", 1, 2]


def test_with_one_thing_each_it_is_a_plain_queue() -> None:
    assert emptied(filled(*((str(n), n) for n in range(9)))) == list(range(9))


def test_who_is_not_allowed_a_turn_keeps_it() -> None:
    turns = filled(("a", 1), ("a", 2), ("b", 3))
    assert turns.pop(lambda party: party != "a") == 3
    assert turns.pop(lambda party: party != "a") is None
    assert emptied(turns) == [1, 2]


def test_what_is_removed_has_no_turn_and_removing_it_again_changes_nothing() -> None:
    turns = filled(("a", 1), ("a", 2), ("b", 3))
    for _ in range(2):
        turns.remove("a", 1)
        turns.remove("nobody", 9)
    assert (len(turns), emptied(turns), turns.pop()) == (2, [2, 3], None)


def test_everything_is_taken_out_at_once() -> None:
    turns = filled(("a", 1), ("b", 3), ("a", 2))
    assert (turns.clear(), len(turns), list(turns)) == ([1, 3, 2], 0, [])


@given(st.lists(st.sampled_from("abc")))
def test_it_is_told_in_the_order_of_its_turns(parties: list[str]) -> None:
    turns = filled(*((party, object()) for party in parties))
    assert list(turns) == emptied(turns)


@given(st.lists(st.sampled_from("abc")), st.sampled_from("abcd"))
def test_what_is_told_to_be_ahead_has_its_turn_before(parties: list[str], party: str) -> None:
    turns = filled(*((one, object()) for one in parties))
    ahead = turns.ahead(party)
    turns.append(party, "new")
    order = emptied(turns)
    # Who has had fewer turns may stand before or behind a newcomer of a round: the estimate is that of the latest.
    assert order.index("new") <= ahead
    assert ahead <= len(parties)
