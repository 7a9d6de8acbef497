"""Make it a 9, while networks are still loading and those that are there answer again and again."""

import re

import pytest

from app.serving.state import State
from models.catalog import ARCHITECTURES
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.test_flip import ADDED, LIGHTER, answer, asked_of, lines, start
from tests.browser.visits import Visits

pytestmark = pytest.mark.browser
LATER = [name for name in ARCHITECTURES if name != "lenet"]


def test_a_search_goes_on_while_a_network_that_loads_is_asked_again_and_again(
    visit: Visits, serve_fake: ServeFake
) -> None:
    engine = SevenNetworks()
    page = visit(serve_fake(engine))
    answer(page, lambda model: lines(ADDED) if model in LIGHTER else None)
    page.wait_for_selector("#cards .card")
    engine.now["mnist", "vgg11"] = State("loading")
    with page.expect_request(re.compile("model=googlenet")):
        start(page)
    for _ in range(2):  # the second is asked after the first was answered
        page.wait_for_event("request", lambda request: "/compare?dataset" in request.url)
    assert page.locator("#flip li.done").count() == len(LIGHTER)
    assert page.locator("#flip li.works").count() == 1


def test_the_next_search_is_about_what_those_say_who_have_loaded_since(visit: Visits, serve_fake: ServeFake) -> None:
    engine = SevenNetworks()
    engine.wrong = dict.fromkeys(LATER, 9)
    page = visit(serve_fake(engine))
    answer(page, lambda model: lines(ADDED))
    page.wait_for_selector("#cards .card")
    engine.now |= {("mnist", name): State("loading") for name in LATER}
    start(page)
    chooser = page.locator("#flip select")
    page.locator("#flip .score", has_text="dab").wait_for()
    assert chooser.input_value() == "9"
    engine.now |= {("mnist", name): State("ready") for name in LATER}
    page.locator("#agreement", has_text="9").wait_for()
    page.wait_for_function("document.querySelector('#flip select').value === '4'")
    with page.expect_request(re.compile(r"/flip\?")) as asked:
        page.locator("#flip button.main").click()
    assert asked_of(asked.value)["to"] == "4"
