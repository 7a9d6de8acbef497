"""Pictures that come to the page from elsewhere: a file chosen, dropped, pasted, one of the samples."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.cards import labels
from tests.browser.conftest import ServeFake
from tests.browser.pictures import ONE, SEVEN, hand_over, png
from tests.browser.visits import Visits, draw
from tests.fakes import FakeIntake

pytestmark = pytest.mark.browser


def choose(page: Any, data: bytes, folder: Path) -> None:
    (folder / "seven.png").write_bytes(data)
    page.locator("#file").set_input_files(folder / "seven.png")


@pytest.mark.parametrize("way", ["chosen", "drop", "paste"])
def test_a_picture_is_shown_and_answered(visit: Visits, real_address: str, tmp_path: Path, way: str) -> None:
    page = visit(real_address)
    data = png(SEVEN)
    if way == "chosen":
        choose(page, data, tmp_path)
    else:
        hand_over(page, way, data)
    said = labels(page, "7")
    assert sum(label == "7" for label in said.values()) >= 5, said
    assert page.locator("#shown").is_visible()
    assert page.url.startswith(real_address)  # the browser did not leave for the file


def test_a_picture_is_sent_as_it_is_not_as_it_is_shown(visit: Visits, serve_fake: ServeFake) -> None:
    intake = FakeIntake()
    page = visit(serve_fake(intake=intake))
    data = png(SEVEN)
    hand_over(page, "drop", data)
    labels(page)
    assert set(intake.seen) == {data}


def test_drawing_takes_the_place_of_a_picture(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    hand_over(page, "drop", png(SEVEN))
    labels(page, "7")
    draw(page, ONE)
    labels(page, "1")
    assert not page.locator("#shown").is_visible()


def test_the_same_picture_can_be_chosen_again(visit: Visits, address: str, tmp_path: Path) -> None:
    page = visit(address)
    choose(page, png(SEVEN), tmp_path)
    labels(page)
    page.locator("#clear").click()
    assert not page.locator("#shown").is_visible()
    choose(page, png(SEVEN), tmp_path)
    labels(page)
    assert page.locator("#shown").is_visible()


def test_text_that_is_pasted_or_dropped_is_left_alone(visit: Visits, address: str) -> None:
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.evaluate(
        """() => { const data = new DataTransfer(); data.setData('text/plain', 'seven');
        document.body.dispatchEvent(new ClipboardEvent('paste', { bubbles: true, clipboardData: data })); }"""
    )
    page.wait_for_timeout(200)
    assert visit.asked("/compare") == []


def test_a_photograph_can_be_taken_on_a_phone_alone(visit: Visits, address: str) -> None:
    assert visit(address, size=(360, 740), touch=True).locator("label.camera").is_visible()
    assert not visit(address).locator("label.camera").is_visible()


def test_a_picture_that_the_browser_cannot_show_is_let_go(visit: Visits, address: str) -> None:
    """The service may open what the browser cannot. The file's address would hold it in memory as long as the page."""
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.evaluate(
        """() => {
          window.held = new Set();
          const { createObjectURL, revokeObjectURL } = URL;
          URL.createObjectURL = (it) => { const made = createObjectURL(it); held.add(made); return made; };
          URL.revokeObjectURL = (it) => { held.delete(it); revokeObjectURL(it); };
        }"""
    )
    hand_over(page, "drop", b"\x07", "seven.heic", "image/heic")
    labels(page, "7")
    page.wait_for_function("document.getElementById('shown').src.startsWith('data:')")
    assert page.evaluate("held.size") == 0
