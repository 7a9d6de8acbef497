"""Which dabs to try next."""

import numpy as np

from models.flip.brush import DABS, PLACES, places
from models.flip.ranking import APART, Ranking, grid, spread

ALL = np.arange(DABS)


def test_a_gain_speaks_for_its_neighbours_of_the_same_ink_and_the_less_the_further() -> None:
    ranking = Ranking()
    assert ranking.knows_nothing()
    middle = 14 * 28 + 14
    ranking.saw(np.array([middle]), np.array([2.0]))
    expected = ranking.expected()
    assert expected[middle] == 2
    assert 2 > expected[middle + 1] > expected[middle + 2] > expected[middle + 5] >= 0
    assert expected[middle + PLACES] == 0, "what erasing brings is not known from adding"
    assert not ranking.knows_nothing()
    assert ranking.best(ALL, 1).tolist() == [middle]


def test_another_networks_gains_are_scaled_to_what_was_measured() -> None:
    ranking = Ranking()
    ranking.drift = np.linspace(0, 1, DABS)
    assert ranking.best(ALL, 2).tolist() == [DABS - 1, DABS - 2]
    tried = np.array([100, 800, 1500])
    ranking.saw(tried, 3 * ranking.drift[tried])
    assert np.allclose(ranking.expected(), 3 * ranking.drift), "it fits, so there is nothing to correct"
    ranking.saw(tried, np.array([5.0, 0.0, -5.0]))
    assert ranking.best(ALL, 1)[0] // 28 in (2, 3, 4), "one that speaks against all that is measured is not followed"


def test_what_is_tried_at_once_lies_apart() -> None:
    chosen = spread(ALL, 20)
    assert len(chosen) == 20
    where = places(chosen)
    apart = np.hypot(*(where[:, None] - where[None])[..., :2].T) + 100 * np.abs(np.subtract.outer(*2 * [where[:, 2]]))
    assert apart[~np.eye(20, dtype=bool)].min() >= APART
    assert spread(np.array([0, 1, 2]), 2).tolist() == [0, 2]
    assert spread(np.array([0, 1]), 2).tolist() == [0, 1], "all that there is, where it is no more"
    assert sorted(spread(np.array([0, 1, 28]), 2).tolist()) == [0, 1], "the next of the rest, where nothing lies apart"


def test_a_grid_is_as_fine_as_may_be() -> None:
    assert len(grid(ALL, DABS)) == DABS
    half = grid(ALL, DABS - 1)
    assert len(half) == DABS / 4
    assert 0 < len(grid(ALL, 40)) <= 40
    assert grid(np.array([1, 2]), 1).size == 1
