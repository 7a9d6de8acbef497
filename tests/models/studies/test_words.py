"""Mean and spread over the seeds, and what counts as a difference."""

import pytest

from models.studies.words import ONE_SEED, SAME, Told, apart, outcome, over_seeds, seen, side_by_side


def test_mean_and_deviation_over_the_seeds():
    told = over_seeds([0.88, 0.90, 0.92])
    assert told.mean == pytest.approx(0.9)
    assert told.spread == pytest.approx(0.02)
    assert over_seeds([0.9]) == Told(0.9, None)
    assert over_seeds([0.9, None]) == over_seeds([]) == Told(None, None)


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("%", "91.0 ± 0.2 %"),
        ("points", "91.0 ± 0.2 points"),
        ("n", "1 ± 0"),
        ("", "0.910 ± 0.002"),
        ("rate", "0.91 ± 0.00"),
    ],
)
def test_a_figure_in_words(unit, text):
    assert format(Told(0.91, 0.002), unit) == text


def test_what_is_not_there_in_words():
    assert format(Told(None, None), "%") == "not in every run"
    assert format(Told(0.91, None), "%") == "91.0 %"


@pytest.mark.parametrize(
    ("one", "other", "sign"),
    [
        (Told(0.9, 0.01), Told(0.87, 0.01), 1),
        (Told(0.87, 0.01), Told(0.9, 0.01), -1),
        (Told(0.9, 0.02), Told(0.87, 0.02), 0),
        (Told(0.9, 0.0), Told(0.9, 0.0), 0),
        (Told(None, None), Told(0.9, 0.01), None),
        (Told(0.9, None), Told(0.1, None), None),
        (Told(0.9, 0.01), Told(0.1, None), None),
    ],
)
def test_a_difference_is_more_than_both_deviations_together(one, other, sign):
    assert apart(one, other) == sign
    assert seen(one, other, 1) == (None if sign is None else sign == 1)
    assert seen(one, other, 0, -1) == (None if sign is None else sign != 1)


def test_two_figures_side_by_side():
    a, b = ("A", Told(0.9, 0.001)), ("B", Told(0.88, 0.002))
    assert side_by_side(a, b) == "A 90.0 ± 0.1 %, B 88.0 ± 0.2 % (A 2.0 points higher)"
    assert side_by_side(b, a).endswith("(B 2.0 points lower)")
    assert side_by_side(a, a).endswith(f"({SAME})")
    assert side_by_side(("A", over_seeds([0.9])), ("B", over_seeds([0.5]))) == f"A 90.0 %, B 50.0 % ({ONE_SEED})"
    assert side_by_side(a, ("B", Told(None, None))) == "A 90.0 ± 0.1 %, B not in every run"
    assert side_by_side(("A", Told(160.0, 4.0)), ("B", Told(40.0, 2.0)), unit="n").endswith("(A 120 higher)")


def test_outcomes():
    assert [outcome(True, True), outcome(True, False), outcome(False)] == ["borne out", "in part", "not borne out"]
    assert [outcome(True, None), outcome(False, None), outcome(None)] == ["in part", "cannot be told", "cannot be told"]
