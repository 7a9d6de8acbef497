"""Large counts for people."""

import pytest

from models.counts import short


@pytest.mark.parametrize(
    ("value", "said"),
    [(7, "7"), (999, "999"), (44_426, "44.4 k"), (7_547_232_256, "7.55 G"), (2.0, "2"), (0.5, "0.5")],
)
def test_numbers_are_told_in_three_digits_with_their_unit(value: float, said: str) -> None:
    assert short(value) == said
