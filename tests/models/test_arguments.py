"""Numbers on the command line."""

import argparse

import pytest

from models.arguments import above_zero, whole


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (whole(0), "0", 0),
        (whole(1, 3), "3", 3),
        (whole(1, 3), " 2 ", 2),
        (above_zero, "2.5", 2.5),
        (above_zero, "1e-3", 0.001),
    ],
)
def test_a_right_number_is_taken(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (whole(1), "0", "it is '0'; wanted a whole number from 1 up"),
        (whole(0, 9), "-1", "it is '-1'; wanted a whole number from 0 to 9"),
        (whole(0, 9), "10", "it is '10'; wanted a whole number from 0 to 9"),
        (whole(1), "2.5", "it is '2.5'; wanted a whole number from 1 up"),
        (whole(1), "9" * 5000, f"it is '{'9' * 64}'; wanted a whole number from 1 up"),
        (above_zero, "0", "it is '0'; wanted a number above 0"),
        (above_zero, "nan", "it is 'nan'; wanted a number above 0"),
        (above_zero, "inf", "it is 'inf'; wanted a number above 0"),
        (above_zero, "five", "it is 'five'; wanted a number above 0"),
    ],
)
def test_a_wrong_one_is_named_with_what_would_be_right(kind, text, told):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        kind(text)
    assert str(refused.value) == told
