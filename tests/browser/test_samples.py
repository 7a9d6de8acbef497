"""The sample pictures: most networks know each of them, and they can be drawn on, chosen by keyboard and linked to."""

from pathlib import Path
from typing import Any

import pytest

from app.web.pages import PAGE
from models.catalog import ARCHITECTURES
from tests.browser.visits import Visits, draw, look, soon

pytestmark = pytest.mark.browser
DIGITS = {"zero": "0", "one": "1", "two": "2", "three": "3", "four": "4", "five": "5", "seven": "7", "nine": "9"}
CLOTHES = {
    "t-shirt": "T-shirt/top",
    "trouser": "Trouser",
    "pullover": "Pullover",
    "dress": "Dress",
    "shirt": "Shirt",
    "sneaker": "Sneaker",
    "bag": "Bag",
    "ankle-boot": "Ankle boot",
}
SAMPLES = DIGITS | CLOTHES


def button(page: Any, name: str) -> Any:
    return page.locator(f".sample:has(img[src$='/{name}.svg'])")


def answered(page: Any) -> bool:
    """Whether every network has answered about what is shown now."""
    return page.locator(".card").count() == len(ARCHITECTURES) and page.locator(".card.waits").count() == 0


def choose(page: Any, name: str) -> list[str]:
    """Press a sample's button; what the networks say of it."""
    with page.expect_response(lambda response: "/compare" in response.url) as response:
        button(page, name).click()
    response.value.finished()
    assert soon(page, lambda: answered(page)), name
    assert page.locator("#kind").inner_text().startswith("Taken for"), name  # not for neither digit nor clothing
    return page.locator(".card .label").all_inner_texts()


def test_most_networks_know_every_sample(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    assert soon(page, lambda: page.locator(".sample").count() == len(SAMPLES))
    said = {name: choose(page, name) for name in SAMPLES}
    look(page, "samples")
    few = {name: answers for name, answers in said.items() if answers.count(SAMPLES[name]) < 4}
    assert not few


def test_there_is_a_button_for_every_file_with_a_name_of_its_own(visit: Visits, address: str) -> None:
    page = visit(address)
    assert soon(page, lambda: page.locator(".sample").count() == len(SAMPLES))
    pictures = page.locator(".sample img").evaluate_all("all => all.map((one) => [one.getAttribute('src'), one.alt])")
    assert {Path(source).name for source, _ in pictures} == {path.name for path in (PAGE / "samples").iterdir()}
    assert len({name for _, name in pictures}) == len(SAMPLES)
    assert not [name for _, name in pictures if name.startswith("sample.")]  # a text that is not there


def test_a_digit_can_be_drawn_on_and_taken_back(visit: Visits, address: str) -> None:
    page = visit(address)
    draw(page, [(0.2, 0.2), (0.4, 0.2)])
    mine = page.evaluate("location.hash")
    button(page, "four").click()
    page.wait_for_url("**/#sample=four")
    draw(page, [(0.8, 0.2), (0.8, 0.8)])
    now = page.evaluate("location.hash")
    assert now.startswith("#drawing=")
    assert "sample" not in now
    assert now != mine
    page.locator("#undo").click()
    page.locator("#undo").click()
    assert page.evaluate("location.hash") == mine


def test_a_garment_that_was_drawn_on_comes_back_once(visit: Visits, address: str) -> None:
    page = visit(address)
    button(page, "bag").click()
    page.wait_for_url("**/#sample=bag")
    draw(page, [(0.2, 0.2), (0.4, 0.2)])
    page.wait_for_url("**/#drawing=*")
    page.locator("#undo").click()
    page.wait_for_url("**/#sample=bag")
    assert page.locator("#shown").is_visible()
    assert button(page, "bag").get_attribute("aria-pressed") == "true"
    page.wait_for_timeout(200)  # in which it could be fetched anew
    assert page.locator("#redo").is_enabled()
    page.locator("#undo").click()
    assert page.locator("#invitation").is_visible()
    assert page.locator("#undo").is_disabled()


@pytest.mark.parametrize("name", ["seven", "bag"])
def test_the_address_brings_it_back(visit: Visits, address: str, name: str) -> None:
    page = visit(address, f"/#sample={name}")
    assert soon(page, lambda: answered(page))
    assert button(page, name).get_attribute("aria-pressed") == "true"
    assert page.locator("#shown").is_visible() == (name in CLOTHES)
    page.evaluate("() => { location.hash = 'sample=dress' }")  # and an address that is entered later
    assert soon(page, lambda: button(page, "dress").get_attribute("aria-pressed") == "true")
    page.locator("#shown").wait_for()


def test_an_unknown_sample_leaves_the_pad_blank(visit: Visits, address: str) -> None:
    page = visit(address, "/#sample=../../index")
    assert soon(page, lambda: page.locator(".sample").count() == len(SAMPLES))
    assert page.locator("#invitation").is_visible()
    assert not visit.asked("/compare")


def test_by_keyboard(visit: Visits, address: str) -> None:
    page = visit(address)
    button(page, "shirt").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_url("**/#sample=sneaker")
    assert page.evaluate("document.activeElement.querySelector('img').alt") == "Sneaker"


def test_of_two_that_are_chosen_in_haste_the_later_is_shown(visit: Visits, address: str) -> None:
    page = visit(address)
    button(page, "bag").wait_for()
    page.evaluate("() => { for (const at of [14, 1]) document.querySelectorAll('.sample')[at].click() }")
    page.wait_for_url("**/#sample=one")
    assert soon(page, lambda: answered(page))
    assert page.locator("#shown").is_hidden()
    assert page.locator(".sample[aria-pressed=true]").count() == 1


def test_a_sample_that_comes_late_does_not_take_the_place_of_what_was_drawn_meanwhile(
    visit: Visits, address: str
) -> None:
    page = visit(address)
    button(page, "zero").wait_for()
    page.wait_for_load_state("networkidle")
    held: list[Any] = []
    page.route("**/samples/zero.svg", lambda route: held.append(route))
    button(page, "zero").click()
    assert soon(page, lambda: bool(held))
    draw(page, [(0.3, 0.22), (0.7, 0.22), (0.46, 0.8)])
    assert soon(page, lambda: answered(page))
    drawn = page.url
    with page.expect_response("**/samples/zero.svg"):
        held[0].continue_()
    page.unroute("**/samples/zero.svg")
    page.wait_for_timeout(300)
    assert "drawing=" in drawn
    assert page.url == drawn
    button(page, "zero").click()  # it can be chosen after that
    page.wait_for_url("**/#sample=zero")
