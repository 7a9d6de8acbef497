"""What the networks see: the picture as prepared, and as it is when it is only shrunk, with the answers to both."""

import re
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.serving.intake import Preparation
from models.catalog import ARCHITECTURES
from models.intake.pipeline import Seen
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.pictures import hand_over
from tests.browser.visits import Visits, draw, greys
from tests.fakes import BLANK, FakeIntake

pytestmark = pytest.mark.browser
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)]
LARGE = "#seen figure > canvas"
FEW_LINES = (1280, 420)  # so low a window that nothing below the pad is to be seen


class SeesRawAsTwo(FakeIntake):
    """A PNG is a 7 once prepared; as it was sent, a 2."""

    def see(self, data: bytes, dataset: str, max_pixels: int, preparation: Preparation = "auto") -> Seen:
        seen = super().see(data, dataset, max_pixels, preparation)
        return replace(seen, picture=np.full((28, 28), 2, np.uint8)) if preparation == "raw" else seen


@pytest.fixture
def stubborn(serve_fake: ServeFake) -> str:
    """A service whose networks say 2 of what is not prepared, but for one that says 7 of everything."""
    engine = SevenNetworks()
    engine.wrong = {"vgg11": 7}
    return serve_fake(engine, SeesRawAsTwo())


def bring_into_view(page: Any) -> None:
    page.locator("#seen").wait_for(state="attached")
    page.evaluate("document.getElementById('seen').scrollIntoView()")


def rows(page: Any) -> dict[str, list[str]]:
    """What the table says, by network: as prepared, as sent."""
    page.locator("#seen table").wait_for()
    each = page.locator("#seen tbody tr").all()
    return {row.locator("th").inner_text(): row.locator("td strong").all_inner_texts() for row in each}


def test_both_ways_are_answered_and_who_changes_its_mind_is_marked(visit: Visits, stubborn: str) -> None:
    page = visit(stubborn)
    draw(page, SEVEN)
    bring_into_view(page)
    told = rows(page)
    assert len(told) == len(ARCHITECTURES)
    assert told.pop("VGG-11") == ["7", "7"]
    assert all(said == ["7", "2"] for said in told.values())
    assert page.locator("#seen tr.changed").count() == len(ARCHITECTURES) - 1
    assert f"{len(ARCHITECTURES) - 1} of {len(ARCHITECTURES)}" in page.locator("#seen .score").inner_text()
    assert len(visit.asked("prepare=raw")) == 1
    assert "dataset=mnist" in visit.asked("prepare=raw")[0].url  # as it was taken for, prepared


def test_nothing_is_asked_before_it_is_looked_at_nor_while_the_pen_is_down(visit: Visits, address: str) -> None:
    page = visit(address, size=FEW_LINES)
    draw(page, SEVEN)
    page.locator("#agreement", has_text="7").wait_for()
    page.wait_for_timeout(200)
    assert not visit.asked("/prepare")
    bring_into_view(page)
    rows(page)
    page.locator("#pad").scroll_into_view_if_needed()
    page.set_viewport_size({"width": 1280, "height": 2500})
    before = len(visit.asked("/prepare"))
    box = page.locator("#pad").bounding_box()
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 160, steps=10)
    page.locator("#seen.waits").wait_for()  # what it shows is of another picture now
    page.wait_for_timeout(200)
    assert len(visit.asked("/prepare")) == before
    page.mouse.up()
    page.locator("#seen:not(.waits)").wait_for()
    assert len(visit.asked("/prepare")) == before + 1


def test_a_question_about_an_earlier_picture_is_given_up(visit: Visits, address: str) -> None:
    page = visit(address, size=(1280, 2500))
    page.route(re.compile("/prepare"), lambda route: None, times=1)  # it is never answered
    with page.expect_request(re.compile("/prepare")):
        draw(page, SEVEN)
    with page.expect_event("requestfailed", lambda request: "/prepare" in request.url):
        draw(page, [(0.2, 0.6), (0.8, 0.6)])
    rows(page)
    assert len(visit.asked("/prepare")) == 2


def test_of_a_picture_that_is_refused_nothing_is_shown_and_of_the_next_one_all(visit: Visits, address: str) -> None:
    visit.expect("answered 422")
    visit.expect("console: .*422")
    page = visit(address, size=(1280, 2500))
    draw(page, SEVEN)
    rows(page)
    hand_over(page, "drop", BLANK)
    page.locator("#notice").wait_for()
    page.locator("#seen .look").wait_for(state="detached")
    assert page.locator("#seen .muted").inner_text().startswith("Draw something above")
    page.locator("#undo").click()
    assert len(rows(page)) == len(ARCHITECTURES)


def test_a_busy_service_is_asked_again_when_it_says(visit: Visits, address: str) -> None:
    visit.expect("answered 429")
    visit.expect("console: .*429")
    page = visit(address, size=(1280, 2500))
    busy = {"error": {"code": "queue_full", "message": "64 requests wait"}}
    page.route(
        re.compile("prepare=raw"), lambda it: it.fulfill(status=429, json=busy, headers={"Retry-After": "1"}), times=1
    )
    draw(page, SEVEN)
    page.locator("#seen .notice", has_text="busy").wait_for()
    assert len(rows(page)) == len(ARCHITECTURES)
    assert page.locator("#seen .notice").is_hidden()


def test_a_picture_that_only_the_service_can_open_is_shown_prepared(
    visit: Visits, address: str, tmp_path: Path
) -> None:
    page = visit(address)
    picture = tmp_path / "eight.heic"
    picture.write_bytes(b"\x08")  # the fake service sees the first byte
    page.locator("#file").set_input_files(picture)
    bring_into_view(page)
    page.locator("#seen", has_text="cannot open").wait_for()
    assert page.locator("#seen button", has_text="As sent").is_disabled()
    assert greys(page.locator(LARGE)) == [8] * 784
    assert "first byte, value 8" in page.locator("#seen .steps").inner_text()  # a step that the page has no words for


@pytest.mark.parametrize(
    ("language", "step", "sent"), [("en", "centre of mass", "As sent"), ("zh", "重心", "直接发送")]
)
def test_what_is_shown_is_what_the_networks_get(
    visit: Visits, real_address: str, language: str, step: str, sent: str
) -> None:
    page = visit(real_address, f"/?lang={language}")
    draw(page, SEVEN)
    bring_into_view(page)
    told = rows(page)
    assert sum(said[0] == "7" for said in told.values()) >= 5
    assert sum(said[0] != said[1] for said in told.values()) == page.locator("#seen tr.changed").count() >= 1
    assert step in page.locator("#seen .steps").inner_text()
    prepared = visit.asked("/prepare")[-1].response().json()["pixels"]
    assert greys(page.locator(LARGE)) == list(chain.from_iterable(prepared))
    page.locator("#seen button", has_text=sent).click()
    shown = greys(page.locator(LARGE))
    assert min(shown) < 30 < 250 < max(shown)
    assert np.median(shown) == 255  # dark on white, as it was drawn


@pytest.mark.parametrize(("language", "told"), [("en", "enlarged"), ("zh", "放大")])
def test_that_some_networks_get_it_enlarged_is_told(visit: Visits, address: str, language: str, told: str) -> None:
    page = visit(address, f"/?lang={language}")
    bring_into_view(page)
    page.locator("#seen .lede", has_text=told).wait_for()
