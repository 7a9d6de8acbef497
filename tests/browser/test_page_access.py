"""Every tab for everybody: axe-core, 360 pixels, targets, the keyboard alone, reduced motion, light and dark."""

import itertools
from typing import Any

import pytest

from app.web import pages
from tests.browser import access
from tests.browser.cards import labels
from tests.browser.maps import fake_maps
from tests.browser.pictures import SEVEN
from tests.browser.visits import Visits, draw, look

pytestmark = pytest.mark.browser
TABS = ["draw", "inside", "lineup"]
SCHEMES = ("light", "dark")


@pytest.fixture(scope="package")
def home(address: str) -> str:
    """What is looked at has the structure of the real thing, and answers at once."""
    return address


def open_with_answers(visit: Visits, address: str, language: str = "en", **options: Any) -> Any:
    page = visit(address, f"/?lang={language}", **options)
    fake_maps(page)  # the fake service has no checkpoint to make a graph from
    page.wait_for_selector("#cards .card")
    draw(page, SEVEN)
    labels(page)
    return page


def show(page: Any, tab: str) -> None:
    page.locator(f"#tab-{tab}").click()
    page.locator(f"#{tab}").wait_for()
    page.wait_for_load_state("networkidle")
    page.wait_for_function("(tab) => document.getElementById(tab).innerText.length > 100", arg=tab)


@pytest.mark.parametrize("language", pages.languages())
def test_axe_finds_nothing_serious_on_any_tab(visit: Visits, home: str, language: str) -> None:
    page = open_with_answers(visit, home, language, reduced_motion="reduce")  # no colour is on its way to another
    for tab in TABS:
        show(page, tab)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            assert access.serious(page) == [], (tab, scheme)


def test_axe_sees_what_is_wrong(visit: Visits, home: str) -> None:
    page = visit(home)
    page.locator("#undo").evaluate("(it) => { it.textContent = ''; it.disabled = false }")
    page.locator("#kind").evaluate("(it) => { it.style.color = '#eee' }")
    found = "\n".join(access.serious(page))
    assert "button-name: #undo" in found
    assert "color-contrast: #kind" in found


@pytest.mark.parametrize("language", pages.languages())
def test_every_tab_fits_every_screen(visit: Visits, home: str, language: str) -> None:
    page = open_with_answers(visit, home, language, reduced_motion="reduce")
    for tab, width in itertools.product(TABS, (360, 768, 1440)):
        page.set_viewport_size({"width": width, "height": 800})
        show(page, tab)
        assert access.too_wide(page) == [], (tab, width)
        assert access.too_small(page) == [], (tab, width)
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            look(page, f"{tab}-{width}-{scheme}-{language}")


def test_what_is_too_wide_or_too_small_is_seen(visit: Visits, home: str) -> None:
    page = visit(home, size=(360, 800))
    page.locator("#undo").evaluate(
        "(it) => { it.style.cssText = 'width: 20px; min-height: 0; height: 20px; padding: 0' }"
    )
    page.locator("#kind").evaluate("(it) => { it.style.width = '500px' }")
    assert "20 x 20" in "".join(access.too_small(page))
    assert 'id="kind"' in "".join(access.too_wide(page))


@pytest.mark.parametrize("tab", TABS)
def test_all_can_be_reached_by_keyboard_and_the_focus_is_seen(visit: Visits, home: str, tab: str) -> None:
    page = open_with_answers(visit, home)
    show(page, tab)
    if tab == "draw":  # its lower parts come as they are scrolled to, which the keyboard may outrun
        for part in ("#seen .tools button", "#flip .tools button"):
            page.locator(part.split()[0]).scroll_into_view_if_needed()
            page.locator(part).first.wait_for()
        page.evaluate("scrollTo(0, 0)")
    page.evaluate("document.activeElement.blur()")
    page.locator("body").evaluate("(it) => { it.tabIndex = -1; it.focus(); it.removeAttribute('tabindex') }")
    passed = access.walk(page)
    assert [place["name"] for place in passed] == access.reachable(page)
    assert [place["name"] for place in passed if not (place["seen"] and place["here"])] == []


def test_arrow_keys_go_from_tab_to_tab(visit: Visits, home: str) -> None:
    page = visit(home)
    page.locator("#tab-draw").focus()
    for expected in ("inside", "lineup", "draw"):
        page.keyboard.press("ArrowRight")
        page.locator(f"#{expected}").wait_for()
        assert page.evaluate("document.activeElement.id") == f"tab-{expected}"
        selected = page.locator("[role=tab][aria-selected=true]")
        assert selected.get_attribute("id") == f"tab-{expected}"


def test_nothing_moves_for_those_who_want_it_so(visit: Visits, home: str) -> None:
    page = open_with_answers(visit, home, reduced_motion="reduce")
    for tab in TABS:
        show(page, tab)
        assert access.moving(page) == [], tab


def test_the_skip_link_leads_to_the_pad(visit: Visits, home: str) -> None:
    page = visit(home)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "pad"


def test_the_skip_link_leaves_what_was_chosen(visit: Visits, home: str) -> None:
    page = visit(home, "/#tab=lineup&theme=dark&dataset=mnist")
    page.locator("#lineup h2").first.wait_for()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_function("document.activeElement.id === 'pad'")
    assert page.url.endswith("#theme=dark&dataset=mnist")


def test_a_wait_is_told_to_screen_readers_once(visit: Visits, home: str) -> None:
    """The page shows every second that goes by; a screen reader would read the whole notice out again at each."""
    visit.expect("answered 429")
    visit.allow("console: .*429")
    busy = {"error": {"code": "queue_full", "message": "64 pictures wait"}}
    page = visit(home)
    page.wait_for_selector("#cards .card")
    page.route("**/compare*", lambda route: route.fulfill(status=429, json=busy, headers={"Retry-After": "30"}))
    draw(page, SEVEN)
    notice = page.locator("#notice")
    notice.get_by_text("Asking again in 30 s.").first.wait_for()
    told = notice.aria_snapshot()
    assert told.count("Asking again in 30 s.") == 1
    notice.get_by_text("Asking again in 28 s.").wait_for()
    assert notice.aria_snapshot() == told
