"""What can be taken away does what it says: links, commands and files; and the settings are kept in the address."""

import csv
import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from models.catalog import ARCHITECTURES
from tests.browser.visits import Visits, draw, soon

pytestmark = pytest.mark.browser
SEVEN = [(0.25, 0.25), (0.75, 0.25), (0.45, 0.8)]
CLIPBOARD = ["clipboard-read", "clipboard-write"]
NASTY = 'it\'s "one" $(touch x) `y` \\n;type=text.png'


def act(page: Any, name: str) -> Any:
    return page.locator("#actions").get_by_role("button", name=name, exact=True)


def saved(page: Any, name: str, folder: Path) -> Path:
    """Press a button that saves a file; where that lies."""
    with page.expect_download() as download:
        act(page, name).click()
    path = folder / download.value.suggested_filename
    download.value.save_as(path)
    return path


def copied(page: Any, name: str) -> str:
    act(page, name).click()
    assert soon(page, lambda: page.locator(".done").inner_text().startswith("Copied"))
    return str(page.evaluate("navigator.clipboard.readText()"))


@pytest.fixture
def page(visit: Visits, address: str) -> Any:
    """The page with a drawn 7 and its answers."""
    it = visit(address, permissions=CLIPBOARD)
    draw(it, SEVEN)
    assert soon(it, lambda: act(it, "answers as CSV").is_enabled())
    return it


def test_who_opens_the_link_sees_the_same(visit: Visits, page: Any) -> None:
    link = copied(page, "link")
    assert "lang=en" in link
    base, _, rest = link.partition("/?")
    other = visit(base, f"/?{rest}")
    assert soon(other, lambda: other.locator("#agreement").inner_text() == f"All {len(ARCHITECTURES)} say 7")
    assert other.evaluate("location.hash") == page.evaluate("location.hash")


def test_what_an_address_cannot_hold_is_told(page: Any) -> None:
    draw(page, [(0.05 + 0.9 * at / 260, 0.1 + 0.8 * (at % 2)) for at in range(260)], steps=1)
    act(page, "link").click()
    assert soon(page, lambda: "cannot hold" in page.locator(".done").inner_text())
    assert page.evaluate("location.hash") == ""
    page.locator("#clear").click()
    assert page.locator(".done").inner_text() == ""  # it was told of another picture


def run(page: Any, name: str, folder: Path) -> str:
    """Run what was copied, in a folder with the picture."""
    text = copied(page, name)
    command = ["sh", "-c", text] if name == "curl" else [sys.executable, "-c", text]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=60).stdout


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl here")
def test_the_curl_command_asks_the_same(page: Any, tmp_path: Path) -> None:
    assert saved(page, "picture", tmp_path).name == "drawing.png"
    page.locator("#dataset").select_option("mnist")
    answer = json.loads(run(page, "curl", tmp_path))
    assert answer["agreement"]["label"] == "7"
    assert answer["dataset_confidence"] is None  # the dataset was named


def test_the_python_program_asks_the_same(page: Any, tmp_path: Path) -> None:
    saved(page, "picture", tmp_path)
    lines = run(page, "Python", tmp_path).splitlines()
    assert [line.split()[1] for line in lines] == ["7"] * len(ARCHITECTURES)
    assert lines[0].startswith("lenet ")


@pytest.mark.parametrize("name", ["curl", "Python"])
def test_a_file_may_be_called_anything(page: Any, tmp_path: Path, name: str) -> None:
    if name == "curl" and shutil.which("curl") is None:
        pytest.skip("no curl here")
    (tmp_path / NASTY).write_bytes(b"\x05")  # the fake service sees the first byte
    page.set_input_files("#file", tmp_path / NASTY)
    assert soon(page, lambda: page.locator("#agreement").inner_text() == f"All {len(ARCHITECTURES)} say 5")
    assert "5" in run(page, name, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [NASTY]


def test_the_key_stays_out_of_what_is_copied(page: Any) -> None:
    page.evaluate("sessionStorage.setItem('lineup-key', 'my-secret')")
    for name in ("curl", "Python"):
        text = copied(page, name)
        assert "X-API-Key" in text
        assert "my-secret" not in text


def test_answers_as_json_are_those_of_the_service(page: Any, address: str, tmp_path: Path) -> None:
    mine = json.loads(saved(page, "answers as JSON", tmp_path).read_text("utf-8"))
    picture = saved(page, "picture", tmp_path).read_bytes()
    asked = httpx.post(f"{address}/compare", content=picture, headers={"Content-Type": "image/png"}).json()
    for answer in (mine, asked, *mine["results"], *asked["results"]):
        del answer["timing_ms"]
    assert list(mine) == list(asked)
    assert mine == asked


def test_answers_as_csv_have_a_row_a_network_and_a_column_a_class(page: Any, tmp_path: Path) -> None:
    head, *rows = csv.reader(io.StringIO(saved(page, "answers as CSV", tmp_path).read_text("utf-8"), newline=""))
    whole = json.loads(saved(page, "answers as JSON", tmp_path).read_text("utf-8"))
    assert head == ["model", "dataset", "label", "confidence", *"0123456789"]
    assert [row[0] for row in rows] == [result["model"] for result in whole["results"]]
    for row, result in zip(rows, whole["results"], strict=True):
        by_class = {one["label"]: one["probability"] for one in result["predictions"]}
        assert dict(zip(head[4:], map(float, row[4:]), strict=True)) == by_class


def test_where_the_page_may_not_copy_the_text_is_selected(page: Any) -> None:
    page.evaluate("Object.defineProperty(navigator, 'clipboard', { value: undefined })")  # as over plain HTTP
    act(page, "Python").click()
    page.locator("#actions textarea").wait_for()
    selected = page.evaluate("getSelection().toString()")
    assert selected.startswith("from pathlib")
    assert "Ctrl+C" in page.locator(".done").inner_text()


def test_nothing_can_be_taken_of_a_blank_pad(visit: Visits, address: str) -> None:
    page = visit(address)
    assert soon(page, lambda: act(page, "link").count() == 1)
    assert act(page, "link").is_enabled()
    for name in ("curl", "Python", "picture", "answers as JSON", "answers as CSV"):
        assert act(page, name).is_disabled(), name


@pytest.mark.parametrize("way", ["button", "Escape"])
def test_hidden_controls_and_the_way_back(visit: Visits, page: Any, way: str) -> None:
    base, _, rest = copied(page, "link for a projector").partition("/?")
    other = visit(base, f"/?{rest}")
    back = other.get_by_role("button", name="Show controls")
    back.wait_for()
    assert other.locator("#tab-inside").is_hidden()
    size = "parseFloat(getComputedStyle(document.documentElement).fontSize)"
    assert other.evaluate(size) > page.evaluate(size)
    if way == "button":
        back.click()
    else:
        other.keyboard.press("Escape")
    assert other.locator("#tab-inside").is_visible()
    assert back.is_hidden()
    assert other.evaluate("location.hash").endswith("projector=on")


def test_the_settings_are_kept_in_the_address(visit: Visits, address: str) -> None:
    page = visit(address, "/?lang=en#sample=seven", scheme="light")
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(ground)
    page.get_by_label("Colours").select_option("dark")
    assert page.evaluate(ground) != light
    page.locator("#settings a").click()  # to the other language
    assert soon(page, lambda: page.evaluate("document.documentElement.lang") == "zh")
    page.locator("#settings select").wait_for()
    assert page.evaluate("location.hash") == "#sample=seven&theme=dark"
    assert page.locator("#settings select").input_value() == "dark"
    assert page.evaluate(ground) != light


@pytest.mark.parametrize("way", ["#settings a", "h1 a"])
def test_a_picture_that_no_address_holds_is_asked_about_before_it_is_gone(
    visit: Visits, page: Any, tmp_path: Path, way: str
) -> None:
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    (tmp_path / "five.png").write_bytes(b"\x05")
    page.set_input_files("#file", tmp_path / "five.png")
    page.locator("#shown").wait_for()
    asked: list[str] = []
    page.once("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.locator(way).click()
    assert "cannot hold" in asked[0]
    page.wait_for_timeout(200)  # in which it could be left
    assert page.locator("#shown").is_visible()
    page.once("dialog", lambda dialog: dialog.accept())
    page.locator(way).click()
    page.locator("#invitation").wait_for()


def test_the_name_of_the_page_leads_to_its_start_in_the_same_language(visit: Visits, address: str) -> None:
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    page = visit(address, "/?lang=zh")
    draw(page, SEVEN)
    page.wait_for_url("**/?lang=zh#drawing=*")
    page.locator("h1 a").click()  # without a question: Back leads to the drawing
    page.wait_for_url("**/?lang=zh")
    assert page.locator("html").get_attribute("lang") == "zh"
    page.go_back()
    page.wait_for_url("**/?lang=zh#drawing=*")


def test_a_card_leads_inside_with_all_that_was_chosen_since_it_was_answered(visit: Visits, page: Any) -> None:
    visit.allow("503")  # this service has no maps to show
    page.get_by_label("Colours").select_option("dark")
    page.get_by_role("button", name="Projector", exact=True).click()
    page.route("**/compare*", lambda route: None)
    before = page.evaluate("location.hash")
    draw(page, [(0.5, 0.2), (0.5, 0.8)])  # nobody answers
    chosen = page.evaluate("location.hash")
    assert chosen != before
    page.locator("#cards [data-network=lenet] a").click()
    page.locator("#inside .timeline button").first.wait_for()
    assert page.evaluate("location.hash") == f"{chosen}&tab=inside&network=lenet"
    assert page.locator("html").get_attribute("data-theme") == "dark"
