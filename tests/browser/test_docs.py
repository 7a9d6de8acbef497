"""The documentation in a real browser: nothing is blocked, and Try-it-out sends a picture and shows the answer."""

import shutil
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from app.main import create_app
from tests.fakes import fake_service

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here"),
]
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(create_app(service=fake_service()), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join(30)


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as it:
        started = it.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield started
        started.close()


@pytest.fixture
def page(browser: Any, address: str) -> Iterator[Any]:
    """The documentation, opened; the test fails if anything was blocked, broken or asked of another host."""
    it = browser.new_page()
    problems: list[str] = []
    hosts: set[str] = set()
    it.on("console", lambda message: problems.append(message.text) if is_problem(message) else None)
    it.on("pageerror", lambda error: problems.append(str(error)))
    it.on("request", lambda request: hosts.add(request.url.split("/")[2]) if request.url.startswith("http") else None)
    it.goto(f"{address}/docs")
    it.wait_for_selector("#operations-answers-predict")
    yield it
    it.close()
    assert problems == []
    assert hosts == {address.split("/")[2]}


def is_problem(message: Any) -> bool:
    # Swagger UI says this of every list of files, and then shows them all the same.
    known = message.text.startswith("Could not find component: JsonSchema_string_binary")
    return message.type in ("error", "warning") and not known


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
