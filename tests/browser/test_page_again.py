"""What the page could not get at first, and gets once it can be had."""

import re

import pytest
from pydantic import SecretStr

from app.serving.state import State
from models.catalog import ARCHITECTURES
from tests.browser.cards import labels
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.pictures import SEVEN, hand_over, png
from tests.browser.visits import Visits, draw

pytestmark = pytest.mark.browser
KEY = "open sesame"
# As a browser does whose settings block a site's data.
FORBIDDEN = """Object.defineProperty(window, 'sessionStorage', {
  get() { throw new DOMException('Access is denied for this document.', 'SecurityError'); },
});"""


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


def test_a_key_that_cannot_be_sent_is_told_and_forgotten(visit: Visits, serve_fake: ServeFake) -> None:
    visit.allow("answered 401")
    visit.allow("console: .*401")
    page = visit(serve_fake(api_key=SecretStr(KEY)))
    page.locator("#notice input").fill(f"{KEY}\u200b")  # as copied from a page: a space of no width
    page.locator("#notice button").click()
    page.locator("#notice").get_by_text("a character that cannot be sent").wait_for()
    page.locator("#notice input").fill(KEY)
    page.locator("#notice button").click()
    draw(page, SEVEN)
    labels(page, "7")


def test_where_the_site_may_store_nothing_the_key_is_kept_as_long_as_the_page(
    visit: Visits, serve_fake: ServeFake
) -> None:
    visit.allow("answered 401")
    visit.allow("console: .*401")
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    page = visit(serve_fake(api_key=SecretStr(KEY)))
    page.add_init_script(FORBIDDEN)
    page.reload()
    page.locator("#notice input").fill(KEY)
    page.locator("#notice button").click()
    draw(page, SEVEN)
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
    assert page.locator("#flip .flips > li").count() == len(ARCHITECTURES)


@pytest.mark.parametrize("entered", ["draw", "inside", "lineup"])
def test_a_key_that_is_entered_in_one_tab_opens_them_all(visit: Visits, serve_fake: ServeFake, entered: str) -> None:
    visit.allow("answered 401")
    visit.allow("console: .*401")
    places = {
        "draw": ("#notice", "#cards .card"),
        "inside": ("#inside > .notice", ".idea"),
        "lineup": ("#lineup .notice", ".panel"),
    }
    page = visit(serve_fake(api_key=SecretStr(KEY)))
    for tab in (*places, entered):
        page.locator(f"#tab-{tab}").click()
        page.locator(f"{places[tab][0]} input").wait_for()
    page.locator(f"{places[entered][0]} input").fill(KEY)
    page.locator(f"{places[entered][0]} button").click()
    for tab, (notice, part) in places.items():
        page.locator(f"#tab-{tab}").click()
        page.locator(part).first.wait_for()
        assert page.locator(notice).is_hidden()


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
    assert len(labels(page)) == len(ARCHITECTURES)


@pytest.mark.parametrize(
    ("tab", "place", "part"), [("draw", "#notice", "#cards .card"), ("inside", "#inside .notice", "#inside .idea")]
)
def test_the_networks_are_asked_for_again_when_the_service_says(
    visit: Visits, address: str, tab: str, place: str, part: str
) -> None:
    visit.expect("answered 429: GET .*/models")
    visit.allow("console: .*429")
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    page = visit(address)
    page.wait_for_selector("#cards .card")
    limited = {"error": {"code": "rate_limited", "message": "this address sent more than 1 request a second"}}
    answer = {"status": 429, "headers": {"Retry-After": "1"}, "json": limited}
    page.route("**/models", lambda route: route.fulfill(**answer), times=2)
    page.goto(f"{address}/?lang=en#tab={tab}")
    notice = page.locator(place).get_by_text("this address sent more")
    notice.wait_for()
    page.locator(part).first.wait_for()
    assert notice.is_hidden()


def test_a_step_back_leaves_the_drawing_in_the_address(visit: Visits, address: str) -> None:
    visit.allow("503")  # this service has no maps to show
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.locator("#tab-inside").click()
    page.locator("#inside .timeline button").first.wait_for()
    page.locator("#tab-draw").click()
    draw(page, SEVEN)
    labels(page, "7")
    drawn = page.evaluate("location.hash")
    assert "drawing=" in drawn
    page.go_back()
    page.go_back()
    page.wait_for_function("!location.hash.includes('tab=inside')")
    assert page.evaluate("location.hash") == drawn
    page.reload()
    labels(page, "7")


def test_after_a_step_back_the_address_names_what_is_shown(visit: Visits, address: str) -> None:
    """A drawing is below a picture that no address can hold; undo brings that back."""
    visit.allow("503")  # this service has no maps to show
    page = visit(address)
    draw(page, SEVEN)
    page.wait_for_url("**/#drawing=*")
    page.locator("#tab-inside").click()
    page.locator("#tab-draw").click()
    hand_over(page, "drop", png(SEVEN))
    page.locator("#shown").wait_for()
    assert "drawing=" not in page.url
    page.go_back()
    page.go_back()
    page.wait_for_url("**/#drawing=*")
    page.locator("#shown").wait_for(state="hidden")
    page.locator("#undo").click()
    page.locator("#shown").wait_for()
    assert "drawing=" not in page.url


def test_what_a_network_cannot_say_is_told_in_the_pages_language(visit: Visits, serve_fake: ServeFake) -> None:
    engine = SevenNetworks()
    engine.failing = {"vgg11"}
    page = visit(serve_fake(engine), "/?lang=zh")
    draw(page, SEVEN)
    broken = page.locator(".card[data-network=vgg11] .problem")
    broken.wait_for()
    english = broken.locator("[lang=en]").inner_text()
    assert re.search("[a-z]{3}", english)
    assert re.search("[\u4e00-\u9fff]", broken.inner_text().replace(english, ""))
