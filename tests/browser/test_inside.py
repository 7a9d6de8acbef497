"""Inside a network: what was new in it, its parts, and the feature maps of any of them for the picture on the pad."""

import base64
import io
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from models.catalog import ARCHITECTURES
from tests.browser.maps import fake_maps
from tests.browser.visits import Visits, draw, look, soon

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.browser
SEVEN = [(0.25, 0.25), (0.75, 0.25), (0.45, 0.8)]
DRAWN = "drawing=A0BAv0BzzA"  # the same, as an address holds it
TIMES = "\N{MULTIPLICATION SIGN}"
TOLD = ("name", "title", "year", "paper", "idea", "input_size", "parameters", "macs")
MODELS = [{**{name: getattr(it, name) for name in TOLD}, "checkpoints": {}} for it in ARCHITECTURES.values()]


@pytest.fixture
def enter(visit: Visits, address: str) -> Callable[..., "Page"]:
    """Opens the page at a hash, with the seven as the catalog tells them, and feature maps as the contract says."""

    def open_at(hash_: str, language: str = "en", **options: Any) -> "Page":
        page = visit(address, "/healthz", **options)
        page.route("**/models", lambda route: route.fulfill(json={"models": MODELS}))
        fake_maps(page)
        page.goto(f"{address}/?lang={language}#{hash_}")
        return page

    return open_at


def colours(page: "Page", selector: str, *places: tuple[float, float]) -> list[list[int]]:
    """The pixels of a canvas at these places, 0 to 1."""
    script = """(canvas, places) => {
        const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const at = ([x, y]) => copy.getImageData(x * canvas.width, y * canvas.height, 1, 1).data;
        return places.map((place) => [...at(place)].slice(0, 3));
    }"""
    found: list[list[int]] = page.locator(selector).evaluate(script, places)
    return found


def scale(page: "Page") -> list[list[int]]:
    script = "all => all.map(each => getComputedStyle(each).backgroundColor.match(/\\d+/g).map(Number))"
    found: list[list[int]] = page.locator(".scale i").evaluate_all(script)
    return found


def told(page: "Page") -> str:
    return page.locator(".one .told").inner_text()


def test_each_network_is_told_as_a_difference_from_the_one_before(enter: Callable[..., "Page"]) -> None:
    page = enter("tab=inside&network=alexnet")
    page.get_by_role("button", name="2013 NiN").click()
    page.locator("article[data-network=nin]").wait_for()
    assert "network=nin" in page.url
    assert "a small network that mixes the channels of every place" in page.locator("dt.came + dd").inner_text()
    assert page.get_by_role("heading", name="What changed since AlexNet, 2012").is_visible()
    link = page.get_by_role("link", name="Read the paper")
    assert link.get_attribute("href") == "https://arxiv.org/abs/1312.4400"
    assert link.get_attribute("rel") == "noopener noreferrer"
    page.go_back()
    page.locator("article[data-network=alexnet]").wait_for()


def test_a_stage_opens_to_its_layers_with_their_shares(enter: Callable[..., "Page"]) -> None:
    page = enter("tab=inside&network=lenet")
    page.locator("tbody[data-stage=fc]").wait_for()
    assert page.locator("tbody[data-stage=fc] .layer").count() == 0
    page.get_by_role("button", name="Layers of fc: 5").click()
    layer = page.locator("tbody[data-stage=fc] .layer").first
    assert layer.inner_text().split() == ["fc.0", "linear", "256", "→", "120", "120", "30.8K", "30.7K"]
    widths = [float(bar.get_attribute("width") or 0) for bar in layer.locator(".share rect").all()]
    assert widths == pytest.approx([100 * 30840 / 44426, 100 * 30720 / 281640])
    assert page.locator(".costs .segment").count() == 2 * 5  # of pools and sigmoids, which cost nothing, none
    told = page.locator(".shapes").get_attribute("aria-label") or ""
    assert told.replace(TIMES, "x").endswith(": 1x28x28, 6x24x24, 6x12x12, 16x8x8, 16x4x4, 120, 84, 10")
    page.get_by_role("button", name="Layers of conv: 6").click()
    assert page.locator("tbody[data-stage=conv] .layer").count() == 0


def test_the_maps_of_a_drawing_are_shown_and_walked_through(enter: Callable[..., "Page"], visit: Visits) -> None:
    page = enter("network=lenet")
    draw(page, SEVEN)
    page.get_by_role("tab", name="Inside a network").click()
    page.locator(".gallery").wait_for()
    [request] = visit.asked("/features")
    assert "model=lenet&stage=conv.0" in request.url
    assert (request.post_data_buffer or b"").startswith(b"\x89PNG")
    assert told(page) == "Channel 1 of 6: 0.00 to 0.00, mean 0.250"
    assert page.get_by_text("The same everywhere").is_visible()
    maps = page.get_by_role("slider", name="Channel")
    maps.focus()
    page.keyboard.press("ArrowRight")
    assert told(page) == "Channel 2 of 6: 0.00 to 0.500, mean 0.250"
    assert maps.get_attribute("aria-valuenow") == "2"
    assert maps.get_attribute("aria-valuetext") == told(page)
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is none beyond the last
    assert told(page).startswith("Channel 6 of 6")
    assert colours(page, ".large", (0.2, 0.5), (0.8, 0.5)) == [scale(page)[-1], scale(page)[0]]
    maps.hover(position={"x": 20, "y": 20})
    assert told(page).startswith("Channel 1 of 6")
    look(page, "inside")


def test_the_maps_of_a_real_network_are_those_that_the_service_gives(visit: Visits, real_address: str) -> None:
    page = visit(real_address, f"/#tab=inside&network=densenet&stage=body.0&{DRAWN}")
    with page.expect_response("**/features?*") as response:
        page.locator(".gallery").wait_for()
    given = response.value.json()
    assert given["shape"] == [192, 24, 24]
    first = given["channels"][0]
    assert first["minimum"] < first["maximum"]
    assert told(page).startswith("Channel 1 of 192: ")
    sent = np.asarray(Image.open(io.BytesIO(base64.b64decode(given["png"]))))[:24, :24]
    places = [np.unravel_index(at, sent.shape) for at in (sent.argmin(), sent.argmax())]
    shown = colours(page, ".large", *(((float(x) + 0.5) / 24, (float(y) + 0.5) / 24) for y, x in places))
    assert shown == [scale(page)[0], scale(page)[-1]]


def test_the_maps_take_the_colours_of_dark_and_light(enter: Callable[..., "Page"]) -> None:
    page = enter(f"tab=inside&network=lenet&{DRAWN}")
    page.locator(".gallery").wait_for()
    light = colours(page, ".large", (0.5, 0.5))
    assert light == [scale(page)[0]]
    page.emulate_media(color_scheme="dark")
    assert soon(page, lambda: colours(page, ".large", (0.5, 0.5)) != light)
    assert colours(page, ".large", (0.5, 0.5)) == [scale(page)[0]]


def test_the_address_holds_the_part(enter: Callable[..., "Page"], visit: Visits) -> None:
    page = enter(f"tab=inside&network=lenet&stage=fc&{DRAWN}", size=(360, 800), scheme="dark")
    page.locator(".gallery").wait_for()
    assert told(page) == "Value 1 of 10: 0.250"
    assert page.get_by_text("the more speaks for 0").is_visible()
    assert page.get_by_role("button", name="fc", exact=True).get_attribute("aria-pressed") == "true"
    page.locator("#stage").select_option("conv.4")
    assert soon(page, lambda: told(page).startswith("Channel 1 of 16"))
    assert "stage=conv.4" in page.url
    page.get_by_label("one scale for all maps").check()
    assert soon(page, lambda: len(visit.asked("normalise=all")) == 1)
    page.go_back()
    assert soon(page, lambda: told(page).startswith("Value 1 of 10"))
    assert page.evaluate("document.documentElement.scrollWidth") == 360


def test_without_a_picture_there_is_a_way_to_one(enter: Callable[..., "Page"], visit: Visits) -> None:
    page = enter("tab=inside&network=lenet")
    page.get_by_role("link", name="Go to the pad").click()
    draw(page, SEVEN)
    assert visit.asked("/features") == []  # nobody sees them
    page.get_by_role("tab", name="Inside a network").click()
    page.locator(".gallery").wait_for()
    assert not page.get_by_text("No picture yet").is_visible()


def test_a_busy_service_is_asked_again_when_it_says(enter: Callable[..., "Page"], visit: Visits) -> None:
    visit.expect("answered 429")
    visit.allow("console: Failed to load resource")
    page = enter("tab=inside&network=lenet")
    busy = {"error": {"code": "queue_full", "message": "4 pictures wait"}}
    page.locator(".parts").wait_for()
    page.route("**/features?*", lambda it: it.fulfill(status=429, headers={"Retry-After": "1"}, json=busy), times=1)
    page.evaluate(f"() => {{ location.hash += '&{DRAWN}' }}")
    notice = page.locator(".maps .notice")
    notice.wait_for()
    assert "The service is busy.\n4 pictures wait" in notice.inner_text()
    page.locator(".gallery").wait_for()
    assert not notice.is_visible()


def test_chinese_tells_ideas_and_layers_in_its_own_words(enter: Callable[..., "Page"]) -> None:
    page = enter("tab=inside&network=nin", "zh")
    page.locator(".layer").first.wait_for()
    assert "用全局平均代替全连接层" in page.locator(".idea").inner_text()
    kinds = [kind.replace(TIMES, "x") for kind in page.locator(".layer .kind").all_inner_texts()]
    assert (kinds[0], kinds[-1]) == ("卷积 11x11/4, 96 通道", "最大池化 3x3/2")


@pytest.mark.parametrize(("picture", "way"), [("", "Go to the pad"), (f"&{DRAWN}", "Take another")])
def test_the_way_to_a_picture_leaves_what_was_chosen(enter: Callable[..., "Page"], picture: str, way: str) -> None:
    page = enter(f"tab=inside&network=lenet{picture}")
    page.get_by_role("link", name=way).wait_for()
    page.get_by_label("Colours").select_option("dark")
    page.get_by_role("button", name="Projector", exact=True).click()
    page.get_by_role("link", name=way).click()
    page.locator("#draw").wait_for()
    assert page.evaluate("location.hash") == f"#network=lenet{picture}&theme=dark&projector=on"
