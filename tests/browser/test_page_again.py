"""What the page could not get at first, and gets once it can be had."""

import pytest
from pydantic import SecretStr

from app.serving.state import State
from tests.browser.cards import labels
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.pictures import SEVEN
from tests.browser.visits import Visits, draw

pytestmark = pytest.mark.browser
KEY = "open sesame"


def test_who_enters_a_key_gets_the_networks_too(visit: Visits, serve_fake: ServeFake) -> None:
    """What was asked at the start was refused, and what is asked about a drawing too; the key is entered once."""
    visit.expect("answered 401: GET .*/models")
    visit.allow("answered 401: POST .*/compare")
    visit.allow("console: .*401")
    page = visit(serve_fake(api_key=SecretStr(KEY)))
    page.locator("#notice input").wait_for()
    with page.expect_response(lambda response: response.status == 401):
        draw(page, SEVEN)
    page.wait_for_timeout(200)
    page.locator("#notice input").fill(KEY)
    page.locator("#notice button").click()
    labels(page, "7")


def test_who_enters_a_key_can_make_it_a_nine(visit: Visits, serve_fake: ServeFake) -> None:
    """The window is so high that this part is there before the key is."""
    visit.allow("answered 401")
    visit.allow("console: .*401")
    page = visit(serve_fake(api_key=SecretStr(KEY)), size=(1280, 3000))
    page.locator("#flip h2").wait_for()
    page.locator("#notice input").fill(KEY)
    page.locator("#notice button").click()
    draw(page, SEVEN)
    labels(page, "7")
    page.route("**/flip*", lambda route: None)
    page.locator("#flip button.main").click()
    page.locator("#flip .flips > li").first.wait_for()
    assert page.locator("#flip .flips > li").count() == 7


def test_a_part_that_does_not_come_is_told_and_can_be_asked_for_again(visit: Visits, address: str) -> None:
    visit.expect("failed: GET .*/inside.js")
    visit.expect("console: .*ERR_FAILED")
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.route("**/inside.js", lambda route: route.abort())
    page.locator("#tab-inside").click()
    notice = page.locator("#inside > .notice")
    notice.wait_for()
    assert "cannot be reached" in notice.inner_text()
    page.unroute("**/inside.js")
    notice.locator("button").click()
    page.locator("#inside .timeline button").first.wait_for()
    assert notice.is_hidden()  # the part has one of its own


def test_a_network_that_was_still_loading_answers_once_it_can(visit: Visits, serve_fake: ServeFake) -> None:
    engine = SevenNetworks()
    page = visit(serve_fake(engine))
    page.wait_for_selector("#cards .card")
    engine.now["mnist", "vgg11"] = State("loading")
    draw(page, SEVEN)
    card = page.locator("#cards [data-network=vgg11]")
    card.locator(".problem", has_text="loading").wait_for()
    engine.now["mnist", "vgg11"] = State("ready")
    card.locator(".label", has_text="7").wait_for()
    assert len(labels(page)) == 7
