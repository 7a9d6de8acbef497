"""Accept headers, as clients send them and as they should not."""

import pytest

from app.web.media_types import preferred

PNG, JSON = "image/png", "application/json"


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        ("", PNG),
        ("*/*", PNG),
        (JSON, JSON),
        ("Application/JSON", JSON),
        ("application/json; charset=utf-8", JSON),
        ("application/*", JSON),
        ("image/png, application/json;q=0.5", PNG),
        ("image/png;q=0.5, application/json", JSON),
        ("application/json;q=0", PNG),
        ("*/*;q=0.1, application/json;q=0", PNG),
        ("*/*, image/png;q=0.2", JSON),
        ("*/*, application/json", JSON),
        ("text/html", PNG),
        ("application/jsonp", PNG),
        ("application/json;q=high", PNG),
        (";;,,q=1", PNG),
    ],
)
def test_the_best_rated_is_chosen_of_equals_the_one_that_is_named(accept: str, wanted: str) -> None:
    assert preferred(accept, (PNG, JSON)) == wanted
