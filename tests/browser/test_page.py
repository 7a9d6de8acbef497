"""The page in a real browser with the real seven: draw, and read what they make of it."""

import re
from typing import Any

import pytest

from models.catalog import ARCHITECTURES
from tests.browser.cards import ANSWERED, agreement, labels
from tests.browser.conftest import ServeFake
from tests.browser.pictures import ONE, SEVEN
from tests.browser.visits import Visits, draw, look, soon
from tests.fakes import FakeIntake

pytestmark = pytest.mark.browser
INKED = """(pad) => {
  const copy = new OffscreenCanvas(pad.width, pad.height).getContext('2d', { willReadFrequently: true });
  copy.drawImage(pad, 0, 0);
  return copy.getImageData(0, 0, pad.width, pad.height).data.some((value) => value);
}"""
NOTHING = "What will the seven say?"


def compared(visit: Visits) -> int:
    return len(visit.asked("/compare"))


def is_inked(page: Any) -> bool:
    """Whether anything is on the pad."""
    return bool(page.locator("#pad").evaluate(INKED))


def test_a_digit_drawn_with_the_mouse_is_answered_by_all_seven(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    page.locator("#cards .card").first.wait_for()
    assert agreement(page) == NOTHING
    draw(page, SEVEN)
    said = labels(page, "7")
    assert sum(label == "7" for label in said.values()) >= 5, said
    cards = page.locator("#cards .card")
    years = [int(year) for year in cards.locator(".year").all_inner_texts()]
    assert years == sorted(years)
    assert years == [known.year for known in ARCHITECTURES.values()]
    for card in cards.all():
        assert card.locator(".bars dd").count() == 10
        assert re.fullmatch(r"\d+\.\d%", card.locator(".confidence").inner_text())
        assert re.search(r"[\d.]+[MK]? parameters\s+[\d.,]+ ms", card.locator("footer").inner_text())
    assert "a digit" in page.locator("#kind").inner_text()
    assert "say 7" in page.locator("#spoken").text_content()  # to screen readers, once
    look(page, "draw-answered")


def test_undo_redo_and_clear(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    undo, redo, clear = (page.locator(f"#{name}") for name in ("undo", "redo", "clear"))
    assert [button.is_disabled() for button in (undo, redo, clear)] == [True, True, True]
    draw(page, ONE)
    labels(page, "1")
    one = page.url
    draw(page, [(0.3, 0.3), (0.7, 0.3)], [(0.3, 0.6), (0.7, 0.6)])
    page.keyboard.press("Control+z")
    undo.click()
    labels(page, "1")
    assert page.url == one
    undo.click()
    assert agreement(page) == NOTHING
    assert soon(page, lambda: not is_inked(page))
    assert undo.is_disabled()
    redo.click()
    labels(page, "1")
    assert page.url == one
    clear.click()
    assert agreement(page) == NOTHING
    assert soon(page, lambda: not is_inked(page))
    assert clear.is_disabled()
    page.keyboard.press("Control+z")  # clear can be undone, too
    labels(page, "1")


def test_a_blank_pad_asks_for_a_drawing_and_asks_the_service_nothing(visit: Visits, address: str) -> None:
    page = visit(address)
    page.wait_for_selector("#cards .card")
    assert page.locator("#invitation").is_visible()
    page.locator("#dataset").select_option("mnist")
    page.locator("#pad").hover()
    page.wait_for_timeout(300)
    assert compared(visit) == 0
    draw(page, ONE)
    labels(page)
    assert not page.locator("#invitation").is_visible()
    asked = compared(visit)
    page.locator("#clear").click()
    page.wait_for_timeout(300)
    assert compared(visit) == asked
    assert agreement(page) == NOTHING
    assert page.locator("#invitation").is_visible()
    assert page.locator(ANSWERED).count() == 0


def test_a_digit_drawn_with_the_keyboard(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    page.wait_for_selector("#cards .card")
    page.locator("#pad").focus()
    for key in ["Shift+ArrowUp"] * 3 + [" "] + ["Shift+ArrowDown"] * 6:
        page.keyboard.press(key)
    asked = compared(visit)
    page.keyboard.press(" ")
    labels(page, "1")
    assert compared(visit) > asked  # about the whole stroke
    page.keyboard.press("Delete")
    assert agreement(page) == NOTHING


def test_a_space_bar_that_is_held_down_moves_the_pen_once(visit: Visits, address: str) -> None:
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.locator("#pad").focus()
    for _ in range(4):  # all but the first are the key's repeats
        page.keyboard.down(" ")
    page.keyboard.up(" ")
    assert page.locator("#undo").is_disabled()  # the stroke still goes on
    page.keyboard.press("ArrowDown")
    page.keyboard.press(" ")
    labels(page, "7")
    page.locator("#undo").click()
    assert agreement(page) == NOTHING


def test_answers_come_while_the_pen_is_down(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    page.wait_for_selector("#cards .card")
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.2 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 0.8 * box["height"], steps=5)
    found = page.wait_for_function("(answered) => document.querySelectorAll(answered).length", arg=ANSWERED)
    light = found.json_value()  # at that very moment: at the next move they are of a picture before
    assert 0 < light < len(ARCHITECTURES)  # the heavy ones are asked when the pen is lifted
    page.mouse.up()
    labels(page, "1")


def test_the_address_brings_everything_back(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    draw(page, SEVEN, ONE)
    page.locator("#dataset").select_option("mnist")
    labels(page)
    said = labels(page)
    again = visit(real_address, page.url.removeprefix(real_address))
    assert labels(again) == said
    assert again.locator("#dataset").input_value() == "mnist"
    assert soon(again, lambda: is_inked(again))
    again.reload()
    assert labels(again) == said


def test_what_an_address_wrongly_says_is_taken_for_the_default(visit: Visits, address: str) -> None:
    page = visit(address, "/#dataset=cifar-10&tab=admin&theme=pink")
    page.wait_for_selector("#cards .card")
    assert page.locator("#dataset").input_value() == "auto"
    assert page.locator("#settings select").input_value() == "auto"
    draw(page, SEVEN)
    labels(page, "7")
    assert "as you said" not in page.locator("#kind").inner_text()
    assert "cifar" not in page.url


def test_the_page_speaks_chinese(visit: Visits, real_address: str) -> None:
    page = visit(real_address, "/", locale="zh-CN")
    draw(page, SEVEN)
    labels(page)
    shown = page.locator("body").inner_text()
    assert "7" in agreement(page)
    assert re.search("[\u4e00-\u9fff]", agreement(page))
    ideas = page.locator("#cards .title").evaluate_all("all => all.map((one) => one.title)")
    assert [idea for idea in ideas if not re.search("[\u4e00-\u9fff]", idea)] == []
    assert not re.search(r"\{\w+\}|\b\w+\.\w+_?\w+\.", shown)  # no place left open
    assert visit(real_address, "/?lang=en", locale="zh-CN").locator("html").get_attribute("lang") == "en"


def test_in_the_dark_the_ink_is_light_and_the_picture_sent_the_same(visit: Visits, serve_fake: ServeFake) -> None:
    intake, sent = FakeIntake(), []
    address = serve_fake(intake=intake)
    for scheme in ("light", "dark"):
        page = visit(address, scheme=scheme)
        page.wait_for_selector("#cards .card")
        draw(page, ONE)
        labels(page)
        ink, paper = (lightness(page, name) for name in ("color", "background-color"))
        assert (ink > paper) == (scheme == "dark")
        assert abs(ink - paper) > 0.5
        sent.append(intake.seen[-1])
    assert sent[0] == sent[1]


def lightness(page: Any, name: str) -> float:
    """Of the pad's ink or of the paper below it, 0 to 1."""
    place = "#pad" if name == "color" else "#paper"
    told = page.locator(place).evaluate(f"it => getComputedStyle(it).getPropertyValue('{name}')")
    red, green, blue = (int(value) for value in re.findall(r"\d+", told)[:3])
    return (red + green + blue) / 765


def test_a_finger_draws_and_the_page_stays_where_it_is(visit: Visits, address: str) -> None:
    page = visit(address, size=(360, 640), touch=True)
    page.wait_for_selector("#cards .card")
    swipe(page, "#pad")
    labels(page)
    assert "drawing=" in page.url
    assert page.evaluate("scrollY") == 0
    look(page, "draw-phone")
    swipe(page, "#undo")  # beside the pad a finger scrolls
    assert soon(page, lambda: page.evaluate("scrollY") > 0)


def swipe(page: Any, place: str) -> None:
    """A finger put down in the middle of that place and moved up."""
    box = page.locator(place).bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    touch = page.context.new_cdp_session(page)
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(1, 9):
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 15 * step}]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
