"""Pictures that come to the page from elsewhere: a file chosen, dropped, pasted, one of the samples."""

import io
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

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


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_ink_on_nothing_is_to_be_seen(visit: Visits, address: str, scheme: str) -> None:
    """The service lays what is transparent on white, and so does the page."""
    page = visit(address, scheme=scheme)
    page.wait_for_selector("#cards .card")
    buffer = io.BytesIO()
    Image.new("RGBA", (40, 40)).save(buffer, "PNG")
    hand_over(page, "drop", buffer.getvalue())
    page.wait_for_function("document.getElementById('shown').naturalWidth === 40")
    with Image.open(io.BytesIO(page.locator("#shown").screenshot())) as seen:
        assert seen.convert("RGB").getpixel((seen.width // 2, seen.height // 2)) == (255, 255, 255)


def test_drawing_takes_the_place_of_a_picture(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    hand_over(page, "drop", png(SEVEN))
    labels(page, "7")
    draw(page, ONE)
    labels(page, "1")
    assert not page.locator("#shown").is_visible()


def test_a_finger_that_was_not_meant_to_draw_leaves_the_picture(visit: Visits, address: str) -> None:
    """The first of two that pinch comes down on it, and the browser takes both."""
    page = visit(address, size=(360, 740), touch=True)
    hand_over(page, "drop", png(SEVEN))
    labels(page, "7")
    box = page.locator("#pad").bounding_box()
    touch = page.context.new_cdp_session(page)
    middle = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [middle]})
    page.locator("#shown").wait_for(state="hidden")
    touch.send("Input.dispatchTouchEvent", {"type": "touchCancel", "touchPoints": []})
    page.locator("#shown").wait_for()
    labels(page, "7")


def test_undo_brings_a_picture_back_and_redo_what_was_drawn_on_it(visit: Visits, serve_fake: ServeFake) -> None:
    intake = FakeIntake()
    page = visit(serve_fake(intake=intake))
    shown, undo, redo = (page.locator(f"#{name}") for name in ("shown", "undo", "redo"))
    data = b"\x05"  # the fake service sees the first byte: of a drawing, a 7
    hand_over(page, "drop", data)
    labels(page, "5")
    draw(page, ONE)
    labels(page, "7")
    drawn = page.url
    undo.click()
    labels(page, "5")
    assert intake.seen[-1] == data
    assert shown.is_visible()
    assert "drawing=" not in page.url
    undo.click()
    assert not shown.is_visible()
    assert undo.is_disabled()
    redo.click()
    labels(page, "5")
    redo.click()
    labels(page, "7")
    assert page.url == drawn
    assert not shown.is_visible()
    page.locator("#clear").click()
    undo.click()
    assert page.url == drawn


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


@pytest.mark.parametrize(
    ("first", "told"),
    [(b"\x07", "Read as clothing, as you said."), (b"\xcf", "Read as clothing, as you said, but it looks like what")],
)
def test_of_what_people_said_it_is_no_other_kind_is_told(visit: Visits, address: str, first: bytes, told: str) -> None:
    """The service has looked for clothing alone then; of a first byte from 200 on it says that it is none."""
    page = visit(address, "/#dataset=fashion-mnist")
    hand_over(page, "drop", first)
    labels(page)
    kind = page.locator("#kind").inner_text()
    assert kind.startswith(told)
    assert "Neither" not in kind
    assert ("but" in told) == ("looks like" in kind)


def test_undo_by_keyboard_takes_a_picture_back_that_was_just_opened(
    visit: Visits, address: str, tmp_path: Path
) -> None:
    """The focus is on what opened it then."""
    page = visit(address)
    page.locator("#file").focus()
    choose(page, png(SEVEN), tmp_path)
    page.locator("#shown").wait_for()
    page.keyboard.press("Control+z")
    page.locator("#shown").wait_for(state="hidden")
