"""The search on networks that are plain formulas, of which the best is known."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from models.flip.brush import DABS, Palette
from models.flip.search import SHORTLIST, STEPS, SURE, Look, State, margins, search

Network = Callable[[NDArray[np.uint8]], NDArray[np.float32]]
PICTURE = np.zeros((28, 28), np.uint8)
PICTURE[6:22, 12:15] = 255
MANY = 10**6


@dataclass
class Searched:
    """All that it settled on, whether it came to its end, and at how many pictures network and guide looked."""

    states: list[State]
    ended: bool
    looks: int
    guided: int

    @property
    def best(self) -> State:
        return self.states[-1]


def run(network: Network, to: int, most: int = MANY, guide: Network | None = None) -> Searched:
    found = Searched([], False, 0, 0)
    searching = search(PICTURE, to, lambda: most - found.looks, guided=guide is not None)
    told = None
    while True:
        try:
            asked = searching.send(told)
        except StopIteration as over:
            found.ended = over.value
            return found
        told = None
        if isinstance(asked, State):
            found.states.append(asked)
        elif asked.guide:
            assert guide is not None
            found.guided += len(asked.pictures)
            told = guide(asked.pictures)
        else:
            found.looks += len(asked.pictures)
            if found.looks > most:
                return found
            told = network(asked.pictures)


def linear(seed: int, noise: float = 0.0) -> Network:
    """Ten templates of smooth noise; `noise` makes it another network that has learned about the same."""
    templates = np.random.default_rng(seed).normal(size=(10, 7, 7)).repeat(4, 1).repeat(4, 2).reshape(10, 784)
    templates = templates + noise * np.random.default_rng(seed + 1).normal(size=templates.shape)

    def probabilities(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        logits = pictures.reshape(len(pictures), -1) / 255 @ templates.T / 4
        powers = np.exp(logits - logits.max(1, keepdims=True))
        return (powers / powers.sum(1, keepdims=True)).astype(np.float32)

    return probabilities


def spots(gain: Callable[[NDArray[np.bool_]], NDArray[np.float64]], at: list[tuple[int, int]]) -> Network:
    """A network of two answers, whose margin for class 1 is a formula of which pixels (x, y) are lit."""

    def probabilities(pictures: NDArray[np.uint8]) -> NDArray[np.float32]:
        lit = np.stack([pictures[:, y, x] > 200 for x, y in at], axis=1)
        sure = 1 / (1 + np.exp(-gain(lit)))
        return np.stack([1 - sure, sure, *8 * [np.zeros(len(sure))]], axis=1).astype(np.float32)

    return probabilities


def test_margins() -> None:
    rows = np.array([[0.5, 0.25, 0.25], [0, 1, 0]], np.float32)
    assert margins(rows, 0) == pytest.approx([np.log(2), np.log(1e-38)])


@pytest.mark.parametrize("to", range(10))
def test_where_one_dab_is_enough_it_finds_it_and_else_it_gets_there_with_more(to: int) -> None:
    network, palette = linear(4), Palette()
    alone = margins(network(palette.each(PICTURE, np.arange(DABS))), to).max()
    found = run(network, to)
    assert found.ended
    assert found.best.flipped
    assert int(network(found.best.picture[None]).argmax()) == to
    assert (palette.all(PICTURE, found.best.dabs) == found.best.picture).all(), "the dabs are what made the picture"
    if margins(network(PICTURE[None]), to)[0] > 0:
        assert found.best.dabs == ()
    elif alone >= SURE:
        assert len(found.best.dabs) == 1
    else:
        assert len(found.best.dabs) > 1


def test_each_step_is_better_than_the_one_before() -> None:
    found = run(linear(4), int(linear(4)(PICTURE[None]).argmin()))
    assert len(found.states) > 2
    told = [state.margin for state in found.states if len(state.dabs) >= len(found.best.dabs)]
    assert sorted(told) == told
    assert [len(state.dabs) for state in found.states[:3]] == [0, 1, 2]


def test_a_beam_finds_what_the_best_first_dab_hides() -> None:
    network = spots(
        lambda lit: -2 + 0.9 * lit[:, 0] + 0.8 * lit[:, 1] + 0.4 * lit[:, 2] + (lit[:, 1] & lit[:, 2]), TRAP
    )
    assert [len(state.dabs) for state in run(network, 1).states] == [0, 1, 2], "three, of which one is taken back, else"


TRAP = [(3, 3), (23, 5), (5, 23)]


def test_a_dab_that_is_no_longer_needed_is_taken_back() -> None:
    def gain(lit: NDArray[np.bool_]) -> NDArray[np.float64]:
        return -2 + 0.9 * lit[:, 0] + 0.5 * lit[:, 1] + 0.5 * lit[:, 2] + 2.0 * (lit[:, 1] & lit[:, 2])

    found = run(spots(gain, TRAP), 1, most=STEPS * SHORTLIST * 2 - 1)  # no time for a beam
    assert [len(state.dabs) for state in found.states] == [0, 1, 2, 3, 2]
    assert found.best.flipped


def test_where_no_dab_helps_it_ends_and_says_so() -> None:
    found = run(spots(lambda lit: np.full(len(lit), -1.0), TRAP), 1)
    assert (found.ended, found.best.dabs, found.best.flipped) == (False, (), False)
    assert found.looks > DABS / 2, "it has tried them all"


def test_a_quick_networks_advice_spares_a_slow_one_most_of_its_looks() -> None:
    network, guide = linear(4), linear(4, noise=1.0)
    wanted = [to for to in range(10) if margins(network(PICTURE[None]), to)[0] < -0.5]
    alone = [run(network, to, 90) for to in wanted]
    advised = [run(network, to, 90, guide) for to in wanted]
    assert all(one.looks <= 90 + DABS for one in [*alone, *advised])
    assert all(one.guided for one in advised)
    assert sum(one.best.flipped for one in advised) >= sum(one.best.flipped for one in alone)
    assert sum(one.looks for one in advised) < sum(one.looks for one in alone)


def test_advice_that_says_nothing_does_not_stop_it() -> None:
    network = linear(4)
    to = int(network(PICTURE[None]).argsort()[0, -2])
    found = run(network, to, 300, lambda pictures: np.full((len(pictures), 10), 0.1, np.float32))
    assert found.best.flipped


def test_nothing_is_looked_at_without_need() -> None:
    network = linear(4)
    found = run(network, int(network(PICTURE[None]).argmax()))
    assert (found.looks, len(found.states), found.ended) == (1, 1, True)
    assert isinstance(next(search(PICTURE, 0, lambda: 1)), Look)
