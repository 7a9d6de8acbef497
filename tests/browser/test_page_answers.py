"""Which answers the page shows: always those about the last stroke, whatever comes late, and errors in words."""

import io
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from PIL import Image

from app.main import create_app
from models.catalog import ARCHITECTURES
from tests.browser.cards import agreement, labels
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.pictures import ONE, SEVEN, hand_over, png
from tests.browser.visits import Visits, draw, look, soon
from tests.fakes import BAD, FakeIntake, fake_service
from tests.serving import running

if TYPE_CHECKING:
    from playwright.sync_api import Route

pytestmark = pytest.mark.browser
BUSY = {"error": {"code": "queue_full", "message": "64 pictures wait for resnet18, as many as may"}}


def lines(address: str, digit: int) -> str:
    """What the service answers when all networks say that digit."""
    accept = {"Accept": "application/x-ndjson", "Content-Type": "image/png"}
    return httpx.post(f"{address}/compare", content=bytes([digit]), headers=accept).text


def test_a_late_answer_is_ignored(visit: Visits, address: str) -> None:
    """The question about the first stroke is answered after that about both."""
    page = visit(address)
    page.wait_for_selector("#cards .card")
    held: list[Route] = []
    page.route("**/compare*", lambda route: held.append(route))
    for number, stroke in enumerate((ONE, SEVEN), start=1):
        draw(page, stroke)
        assert soon(page, lambda: len(settled(held)) == number)  # noqa: B023
    *earlier, last = held.copy()
    last.fulfill(body=lines(address, 2), content_type="application/x-ndjson")
    labels(page, "2")
    for route in earlier:
        route.fulfill(body=lines(address, 1), content_type="application/x-ndjson")
    page.wait_for_timeout(300)
    assert set(labels(page, "2").values()) == {"2"}


def settled(held: "list[Route]") -> "list[Route]":
    """Those that ask all networks, about a whole stroke."""
    return [route for route in held if "models=" not in route.request.url and "prepare=" not in route.request.url]


def test_the_last_stroke_is_always_asked_about(visit: Visits, serve_fake: ServeFake) -> None:
    """However slowly the service answers, and however quickly somebody draws: it sees the whole picture at last."""
    intake = FakeIntake(seconds=0.2)
    address = serve_fake(intake=intake)
    page = visit(address)
    page.wait_for_selector("#cards .card")
    draw(page, SEVEN, ONE, [(0.2, 0.9), (0.8, 0.9)], steps=12)
    assert soon(page, lambda: bool(intake.seen) and ink_at(intake.seen[-1], 0.78, 0.9))
    labels(page)
    last = intake.seen[-1]
    assert all(ink_at(last, *place) for place in (*SEVEN, *ONE, (0.22, 0.9)))
    assert not ink_at(last, 0.1, 0.5)
    page.wait_for_timeout(500)
    assert intake.seen[-1] == last


def ink_at(data: bytes, x: float, y: float) -> bool:
    """Whether a picture, black on white, is black at that place."""
    with Image.open(io.BytesIO(data)) as picture:
        return bool(np.asarray(picture.convert("L"))[int(y * picture.height), int(x * picture.width)] < 128)


def test_few_questions_are_asked_while_somebody_draws(visit: Visits, address: str) -> None:
    page = visit(address)
    page.wait_for_selector("#cards .card")
    began = time.monotonic()
    draw(page, SEVEN, steps=60)
    labels(page)
    most = (
        time.monotonic() - began
    ) / 0.08 + 3  # as often as live.js asks while the pen is down, and when it is lifted
    assert 1 <= len(visit.asked("/compare")) < min(most, 120)  # of 120 moves


def test_a_busy_service_is_told_in_words_and_asked_again(visit: Visits, address: str) -> None:
    visit.expect("answered 429")
    visit.expect("console: .*429")
    page = visit(address)
    page.wait_for_selector("#cards .card")
    refused: list[Route] = []

    def refuse_twice(route: "Route") -> None:
        if len(refused) < 2:
            refused.append(route)
            route.fulfill(status=429, json=BUSY, headers={"Retry-After": "1"})
        else:
            route.continue_()

    page.route("**/compare*", refuse_twice)
    hand_over(page, "drop", png(SEVEN))
    notice = page.locator("#notice")
    notice.wait_for()
    assert "The service is busy." in notice.inner_text()
    assert BUSY["error"]["message"] in notice.inner_text()
    look(page, "draw-busy")
    labels(page)  # by itself, when it was told to come again
    assert notice.is_hidden()
    assert len(refused) == 2


@pytest.mark.parametrize(
    ("settings", "data", "status", "told"),
    [
        ({"max_held_bytes": 1}, png(SEVEN), 429, "The service is busy."),
        ({"max_upload_bytes": 100}, png(SEVEN), 413, "This file is too large."),
        ({}, BAD, 422, "This picture is damaged or of an unknown kind."),
    ],
)
def test_what_the_service_refuses_is_told(
    visit: Visits, serve_fake: ServeFake, settings: dict[str, Any], data: bytes, status: int, told: str
) -> None:
    visit.expect(f"answered {status}")
    visit.expect(f"console: .*{status}")
    page = visit(serve_fake(**settings))
    page.wait_for_selector("#cards .card")
    hand_over(page, "drop", data)
    page.locator("#notice").wait_for()
    assert told in page.locator("#notice").inner_text()
    assert agreement(page).startswith("What will")
    page.locator("#clear").click()
    assert page.locator("#notice").is_hidden()


def test_what_is_no_picture_is_told(visit: Visits, real_address: str) -> None:
    visit.expect("answered 415")
    visit.expect("console: .*415")
    page = visit(real_address)
    hand_over(page, "drop", b"%PDF-1.7\n", "paper.pdf", "application/pdf")
    page.locator("#notice").wait_for()
    assert "not a picture that can be opened" in page.locator("#notice").inner_text()
    draw(page, SEVEN)
    labels(page, "7")
    assert page.locator("#notice").is_hidden()


def test_one_network_that_fails_does_not_hide_the_others(visit: Visits, serve_fake: ServeFake) -> None:
    engine = SevenNetworks()
    engine.failing = {"vgg11"}
    page = visit(serve_fake(engine))
    draw(page, SEVEN)
    broken = page.locator(".card[data-network=vgg11] .problem")
    broken.wait_for()
    assert len(broken.inner_text()) > 10
    others = len(ARCHITECTURES) - 1
    page.wait_for_function(
        "(others) => document.querySelectorAll('#cards .card .label:not(.muted)').length === others", arg=others
    )
    assert agreement(page) == f"All {others} say 7"


def test_where_none_can_answer_that_is_shown_and_spoken(visit: Visits, serve_fake: ServeFake) -> None:
    visit.allow("prepare=raw")  # what they see is asked about, too
    engine = SevenNetworks()
    page = visit(serve_fake(engine))
    draw(page, ONE)
    labels(page, "7")
    engine.failing = set(engine.names)
    draw(page, SEVEN)
    assert soon(page, lambda: page.locator("#cards .problem").count() == len(ARCHITECTURES))
    assert soon(page, lambda: agreement(page) == "None of them has an answer")
    assert (page.locator("#spoken").text_content() or "").startswith("None of them has an answer; Taken for")


def test_no_answer_stands_beside_another_picture_that_is_refused(visit: Visits, address: str) -> None:
    visit.expect("answered 422")
    visit.expect("console: .*422")
    page = visit(address)
    draw(page, SEVEN)
    labels(page, "7")
    hand_over(page, "drop", BAD)
    page.locator("#notice").wait_for()
    assert agreement(page).startswith("What will")
    assert page.locator("#cards .card.waits").count() == len(ARCHITECTURES)
    assert page.locator("#cards .label").all_text_contents() == ["\N{EN DASH}"] * len(ARCHITECTURES)
    assert page.locator("#cards .bars").count() == 0
    assert [page.locator(place).text_content() for place in ("#kind", "#spoken")] == ["", ""]


def test_a_service_that_is_gone_is_told_and_can_be_asked_again(visit: Visits) -> None:
    visit.expect("failed: POST .*/compare.*ERR_CONNECTION_REFUSED")
    visit.expect("console: .*ERR_CONNECTION_REFUSED")
    visit.allow("icon.svg")
    with running(create_app(service=fake_service(SevenNetworks()))) as port:
        page = visit(f"http://127.0.0.1:{port}")
        draw(page, ONE)
        labels(page)
    draw(page, SEVEN)
    notice = page.locator("#notice")
    notice.wait_for()
    assert "cannot be reached" in notice.inner_text()
    with running(create_app(service=fake_service(SevenNetworks()))) as other:
        page.route("**/compare*", lambda route: route.continue_(url=route.request.url.replace(f"{port}", f"{other}")))
        notice.locator("button").click()
        labels(page)
        assert notice.is_hidden()


def test_a_connection_that_stalls_is_given_up_and_can_be_asked_again(visit: Visits, address: str) -> None:
    """The page's minute is a second here."""
    page = visit(address)
    page.wait_for_selector("#cards .card")
    page.evaluate("window.given = AbortSignal.timeout; AbortSignal.timeout = (ms) => given.call(AbortSignal, ms / 60)")
    page.route("**/compare*", lambda route: None)
    hand_over(page, "drop", png(SEVEN))
    notice = page.locator("#notice", has_text="cannot be reached")
    notice.wait_for()
    page.unroute("**/compare*")
    page.evaluate("AbortSignal.timeout = given")
    notice.locator("button").click()
    labels(page, "7")


def test_what_all_say_together_is_what_the_service_says(visit: Visits, serve_fake: ServeFake) -> None:
    """Two that weigh much outweigh the others: once all have answered, the page does not count by itself."""
    engine = SevenNetworks()
    engine.wrong = {"lenet": 3, "densenet": 3}
    engine.weights = {name: 20.0 if name in engine.wrong else 1.0 for name in engine.names}
    page = visit(serve_fake(engine))
    draw(page, SEVEN)
    assert soon(page, lambda: agreement(page).startswith(f"2 of {len(ARCHITECTURES)} say 3"))
    page.wait_for_function("document.querySelectorAll('#cards .card.agrees').length === 2")
    assert page.locator("#cards .card.agrees").evaluate_all("all => all.map((one) => one.dataset.network)") == [
        *engine.wrong
    ]
