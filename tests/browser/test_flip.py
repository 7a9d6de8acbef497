"""Make it a 9: each network's fewest dabs, asked for one network after the other, and what may go wrong on the way."""

import base64
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from PIL import Image

from models.catalog import ARCHITECTURES
from tests.browser.conftest import ServeFake, SevenNetworks
from tests.browser.visits import Visits, draw, greys

pytestmark = pytest.mark.browser
SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.8)]
GREY = 100  # the whole picture is of it, so that ink can be added and erased everywhere
BRUSH = [[0, 200, 0], [200, 255, 200], [0, 200, 0]]
ADDED, ERASED = {"x": 5, "y": 9, "ink": "add"}, {"x": 20, "y": 9, "ink": "erase"}
# Those that compute less than GoogLeNet have their turn before it.
LIGHTER = [name for name, known in ARCHITECTURES.items() if known.macs < ARCHITECTURES["googlenet"].macs]


def lines(*dabs: dict[str, Any], flipped: bool = True, reason: str | None = None) -> str:
    """A search as the service tells it, which comes to these dabs one by one."""
    png = io.BytesIO()
    Image.new("L", (28, 28), GREY).save(png, "PNG")
    picture = base64.b64encode(png.getvalue()).decode()
    said = {"label": "7", "index": 7, "confidence": 0.98}
    then = (
        {"label": "9", "index": 9, "confidence": 0.613, "probability_to": 0.613}
        if flipped
        else {**said, "probability_to": 0.01}
    )
    told: list[dict[str, Any]] = [
        {
            "model": "-",
            "dataset": "mnist",
            **said,
            "to": {"label": "9", "index": 9, "probability": 0.001},
            "picture": picture,
            "brush": BRUSH,
        }
    ]
    told += [{"dabs": dabs[: count + 1], **said, "probability_to": 0.25, "passes": 9} for count in range(len(dabs))]
    told.append(
        {
            "flipped": flipped,
            "dabs": dabs,
            "count": len(dabs),
            **then,
            "picture": picture,
            "passes": 9,
            "reason": reason,
            "timing_ms": {},
        }
    )
    return "".join(json.dumps(line) + "\n" for line in told)


def asked_of(request: Any) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(request.url).query).items()}


def answer(page: Any, how: Callable[[str], str | dict[str, Any] | None]) -> None:
    """Answer /flip as `how` says of the network: lines, or what Playwright fulfils with; None: never."""

    def on_flip(route: Any) -> None:
        told = how(asked_of(route.request)["model"])
        if isinstance(told, str):
            route.fulfill(body=told, content_type="application/x-ndjson")
        elif told is not None:
            route.fulfill(**told)

    page.route(re.compile(r"/flip\?"), on_flip)


def refusal(status: int, code: str, **headers: str) -> dict[str, Any]:
    return {"status": status, "json": {"error": {"code": code, "message": f"no: {code}"}}, "headers": headers}


def start(page: Any) -> None:
    draw(page, SEVEN)
    page.locator("#agreement", has_text="7").wait_for()
    page.locator("#flip").evaluate("it => it.scrollIntoView()")
    page.locator("#flip button.main").click()


def row(page: Any, network: str) -> Any:
    return page.locator("#flip li").filter(
        has=page.locator("strong", has_text=re.compile(f"^{ARCHITECTURES[network].title}$"))
    )


class HeavyLeNet(SevenNetworks):
    """Has one network that computes more than the others, and is the oldest."""

    def describe(self, name: str) -> dict[str, Any]:
        return super().describe(name) | {"macs": 2 if name == "lenet" else 1}


def test_each_is_asked_in_its_turn_and_its_dabs_are_counted_and_marked(visit: Visits, serve_fake: ServeFake) -> None:
    page = visit(serve_fake(HeavyLeNet()))
    told = {"nin": lines(ADDED), "densenet": lines(ADDED, ERASED, {**ADDED, "x": 12})}
    answer(page, lambda model: told.get(model, lines(ADDED, ERASED)))
    start(page)
    page.locator("#flip .score", has_text="DenseNet (3 dabs)").wait_for()
    asked = [asked_of(request) for request in visit.asked("/flip?")]
    assert [one["model"] for one in asked] == [*(name for name in ARCHITECTURES if name != "lenet"), "lenet"]
    assert all((one["to"], one["dataset"]) == ("9", "mnist") for one in asked)
    assert "Easiest: NiN (1 dab)" in page.locator("#flip .score").inner_text()
    by_year = [architecture.title for architecture in ARCHITECTURES.values()]
    assert page.locator("#flip li .who strong").all_inner_texts() == by_year
    assert row(page, "lenet").locator(".count").inner_text() == "2 dabs"
    assert "9 (61.3%)" in row(page, "lenet").locator(".how").inner_text()
    row(page, "lenet").locator("button").click()
    large = page.locator("#flip figure")
    assert large.locator("circle.add").count() == large.locator("circle.erase").count() == 1
    assert "After 2 dabs: 9" in large.inner_text()
    assert greys(large.locator("canvas")) == expected()


def expected() -> list[int]:
    """The picture with both dabs, as the contract of /flip says."""
    picture = np.full((28, 28), GREY)
    for dab in (ADDED, ERASED):
        at = np.s_[dab["y"] - 1 : dab["y"] + 2, dab["x"] - 1 : dab["x"] + 2]
        picture[at] = (
            np.maximum(picture[at], BRUSH) if dab["ink"] == "add" else np.minimum(picture[at], 255 - np.array(BRUSH))
        )
    told: list[int] = picture.ravel().tolist()
    return told


def test_a_search_can_be_stopped_and_what_is_done_stays(visit: Visits, address: str) -> None:
    page = visit(address)
    answer(page, lambda model: lines(ADDED) if model in LIGHTER else None)
    with page.expect_request(re.compile("model=googlenet")):
        start(page)
    with page.expect_event("requestfailed", lambda request: "model=googlenet" in request.url):
        page.locator("#flip button", has_text="Stop").click()
    page.wait_for_timeout(200)
    assert len(visit.asked("/flip?")) == len(LIGHTER) + 1
    assert page.locator("#flip li.done").count() == len(LIGHTER)
    assert row(page, "googlenet").locator(".how").inner_text() == "not asked"
    assert page.locator("#flip .score").inner_text() == ""  # who was not asked may be the hardest to fool
    assert page.locator("#flip button.main").is_enabled()


def test_a_busy_service_is_waited_for_and_one_that_fails_does_not_end_it(visit: Visits, address: str) -> None:
    for told in ("answered 429", "answered 503", "console: .*429", "console: .*503"):
        visit.expect(told)
    page = visit(address)
    refusals = {
        "alexnet": [refusal(429, "queue_full", **{"Retry-After": "1"})],
        "vgg11": [refusal(503, "model_unavailable")],
    }
    gave_up = lines(ADDED, flipped=False, reason="no dab helps any more")
    answer(
        page,
        lambda model: refusals[model].pop() if refusals.get(model) else gave_up if model == "nin" else lines(ADDED),
    )
    start(page)
    page.locator("#flip .notice", has_text="busy").wait_for()
    page.locator("#flip .score", has_text="NiN, whom no dab turns").wait_for()
    assert page.locator("#flip .notice").is_hidden()
    assert row(page, "alexnet").locator(".count").inner_text() == "1 dab"
    assert "not available" in row(page, "vgg11").locator(".how").inner_text()
    assert page.locator("#flip li.done").count() == len(ARCHITECTURES) - 1


def test_what_fails_for_all_ends_it_and_it_goes_on_where_it_was(visit: Visits, address: str) -> None:
    visit.expect("failed: .*model=googlenet")
    visit.allow("console: .*ERR_FAILED")
    page = visit(address)
    answer(page, lambda model: lines(ADDED))
    page.route(re.compile("model=googlenet"), lambda route: route.abort(), times=1)
    start(page)
    page.locator("#flip .notice", has_text="cannot be reached").wait_for()
    assert len(visit.asked("/flip?")) == len(LIGHTER) + 1
    page.locator("#flip .notice button").click()
    page.locator("#flip .score", has_text="As hard to fool").wait_for()
    asked = [asked_of(request)["model"] for request in visit.asked("/flip?")]
    assert asked[len(LIGHTER) :][:2] == ["googlenet", "googlenet"]


def test_another_picture_ends_it(visit: Visits, address: str) -> None:
    page = visit(address, size=(1280, 2500))
    answer(page, lambda model: None)
    with page.expect_request(re.compile(r"/flip\?")):
        start(page)
    with page.expect_event("requestfailed", lambda request: "/flip?" in request.url):
        draw(page, [(0.2, 0.6), (0.8, 0.6)])
    assert page.locator("#flip li").count() == 0
    page.locator("#flip button.main").wait_for()  # it can be asked about the new one
    assert len(visit.asked("/flip?")) == 1


def test_clothing_becomes_other_clothing(visit: Visits, address: str, tmp_path: Path) -> None:
    page = visit(address, "/?lang=zh#dataset=fashion-mnist")
    answer(page, lambda model: lines(ADDED))
    picture = tmp_path / "boot.png"
    picture.write_bytes(b"\x09")  # the fake service sees the first byte
    page.locator("#file").set_input_files(picture)
    page.locator("#flip").evaluate("it => it.scrollIntoView()")
    chooser = page.locator("#flip select")
    assert chooser.input_value() == "4"  # it is of class 9 already
    assert chooser.locator("option").all_inner_texts()[6:8] == ["衬衫", "运动鞋"]
    chooser.select_option("7")
    with page.expect_request(re.compile(r"/flip\?")) as asked:
        page.locator("#flip button.main").click()
    assert (asked_of(asked.value)["to"], asked_of(asked.value)["dataset"]) == ("7", "fashion-mnist")


def test_the_dabs_shown_are_those_that_the_network_was_flipped_by(visit: Visits, real_address: str) -> None:
    page = visit(real_address)
    start(page)
    flipped = row(page, "lenet").locator(".count", has_text="dab")
    flipped.wait_for(timeout=30_000)
    page.locator("#flip button", has_text="Stop").click()
    row(page, "lenet").locator("button").click()
    head, *_, end = [json.loads(line) for line in visit.asked("model=lenet")[0].response().text().splitlines()]
    assert (head["index"], end["index"]) == (7, 9)
    assert page.locator("#flip figure circle").count() == end["count"] > 0
    shown = Image.open(io.BytesIO(base64.b64decode(end["picture"])))
    assert greys(page.locator("#flip figure canvas")) == np.asarray(shown).ravel().tolist()
