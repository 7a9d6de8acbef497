"""The picture of the page in the README: `make screenshot` takes it anew, with the service's own answers."""

from pathlib import Path

import pytest
from PIL import Image

from tests.browser.visits import Visits, look

pytestmark = pytest.mark.browser
SIZE = (1440, 900)


def test_a_picture_of_the_page_can_be_taken(visit: Visits, real_address: str) -> None:
    page = visit(real_address, "/?lang=en#sample=four", size=SIZE)
    # "Save: answers as CSV" can be pressed once every network has answered.
    page.locator("#actions button:enabled", has_text="CSV").wait_for()
    assert "say 4" in page.locator("#agreement").inner_text()
    look(page, "page", whole=False)


def test_the_picture_in_the_readme_is_one_of_that_size_and_light() -> None:
    path = Path(__file__).with_name("page.png")
    with Image.open(path) as picture:
        assert picture.size == SIZE
    assert path.stat().st_size <= 200_000
