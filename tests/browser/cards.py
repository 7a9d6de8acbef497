"""What the page's cards say, once they say it."""

import re
from typing import TYPE_CHECKING

from models.catalog import ARCHITECTURES

if TYPE_CHECKING:
    from playwright.sync_api import Page

ANSWERED = "#cards .card:not(.waits)"


def labels(page: "Page", wanted: str | None = None) -> dict[str, str]:
    """Every network's label, when all have answered about the picture that is shown now; `wanted`: when most of
    them say that.
    """
    most = rf"\b{len(ARCHITECTURES)} (?:say|means) {re.escape(wanted)}\b" if wanted else ""
    page.wait_for_function(
        """([answered, all, most]) => document.querySelectorAll(answered).length === all
           && !document.querySelector('#cards .waits')
           && new RegExp(most).test(document.getElementById('agreement').textContent)""",
        arg=[ANSWERED, len(ARCHITECTURES), most],
    )
    cards = page.locator("#cards .card")
    found = {
        str(card.get_attribute("data-network")): card.locator(".label").inner_text()
        for card in cards.all()
        if card.locator(".label").count()
    }
    assert list(found) == list(ARCHITECTURES), "the cards stand in the order of the years"
    return found


def agreement(page: "Page") -> str:
    """The line that says who agrees."""
    return page.locator("#agreement").inner_text()
