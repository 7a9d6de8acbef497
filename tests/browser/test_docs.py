"""The documentation in a real browser: nothing is blocked, and Try-it-out sends a picture and shows the answer."""

from pathlib import Path
from typing import Any

import pytest

from tests.browser.visits import Visits

pytestmark = pytest.mark.browser


@pytest.fixture
def page(visit: Visits, address: str) -> Any:
    """The documentation, opened."""
    # Swagger UI says this of every list of files, and then shows them all the same.
    visit.allow("Could not find component: JsonSchema_string_binary")
    it = visit(address, "/docs")
    it.wait_for_selector("#operations-answers-predict")
    return it


def execute(page: Any, operation: str) -> str:
    """Press Execute and wait for what the service answered."""
    block = page.locator(f"#operations-{operation}")
    block.locator("button.execute").click()
    live = block.locator(".live-responses-table tr.response")
    live.wait_for()
    return str(live.inner_text())


@pytest.mark.parametrize("operation", ["predict", "compare"])
def test_a_picture_is_sent_and_its_answer_shown(page: Any, tmp_path: Path, operation: str) -> None:
    picture = tmp_path / "seven.png"
    picture.write_bytes(b"\x07")  # the fake service sees the first byte
    page.locator(f"#operations-answers-{operation} .opblock-summary").click()
    page.locator(f"#operations-answers-{operation} input[type=file]").set_input_files(picture)
    assert '"label": "7"' in execute(page, f"answers-{operation}")


def test_a_list_of_pictures_is_a_list_of_choosers(page: Any, tmp_path: Path) -> None:
    block = page.locator("#operations-answers-predict_batch")
    block.locator(".opblock-summary").click()
    for number in (3, 5):
        picture = tmp_path / f"{number}.png"
        picture.write_bytes(bytes([number]))
        block.locator("button.json-schema-form-item-add").click()
        block.locator("input[type=file]").last.set_input_files(picture)
    shown = execute(page, "answers-predict_batch")
    assert '"label": "3"' in shown
    assert '"label": "5"' in shown
    assert '"error"' not in shown  # the first chooser was left empty


def test_a_raw_body_can_be_chosen_too(page: Any, tmp_path: Path) -> None:
    picture = tmp_path / "nine.png"
    picture.write_bytes(b"\x09")
    block = page.locator("#operations-answers-predict")
    block.locator(".opblock-summary").click()
    block.locator(".opblock-section-request-body select.content-type").select_option("image/*")
    block.locator("input[type=file]").set_input_files(picture)
    assert '"label": "9"' in execute(page, "answers-predict")
