"""The line-up tells of the checkpoints that are served, and goes on where the service would not answer at once."""

import json
from pathlib import Path
from typing import Any

import pytest

from models import catalog
from models.datasets import DATASETS
from tests.browser.conftest import ServeFake
from tests.browser.recorded import Measured, report
from tests.browser.visits import Visits
from tools import figures

pytestmark = pytest.mark.browser
LIMITED = {"error": {"code": "rate_limited", "message": "this address sent more than 5 requests a second"}}
NOTICES = "#lineup .notice"


@pytest.fixture
def engine(tmp_path: Path) -> Measured:
    """One with a report of each network."""
    it = Measured()
    it.folder = tmp_path
    for dataset in DATASETS:
        (tmp_path / dataset).mkdir()
        for name in catalog.ARCHITECTURES:
            (tmp_path / dataset / f"{name}.json").write_text(json.dumps(report()))
    return it


def refuse(page: Any, address: str, **headers: str) -> Any:
    """Open the line-up of a service that refuses one of the seven reports once."""
    page.route(
        "**/models/lenet/report*", lambda it: it.fulfill(status=429, json=LIMITED, headers=headers or None), times=1
    )
    page.goto(f"{address}/?lang=en#tab=lineup&network=lenet")
    return page.locator(NOTICES, has_text=LIMITED["error"]["message"])


@pytest.fixture
def page(visit: Visits, serve_fake: ServeFake, engine: Measured) -> Any:
    visit.expect("answered 429: GET .*/report")
    visit.allow("console: .*429")
    visit.allow("ERR_ABORTED")  # what the page was still loading when it was left
    return visit(serve_fake(engine))


def test_a_report_that_is_refused_once_comes_when_the_service_says(page: Any) -> None:
    address = page.url.rstrip("/")
    refuse(page, address, **{"Retry-After": "1"}).first.wait_for()
    page.locator("#lineup .confusion").wait_for()
    assert page.locator(NOTICES).count() == 0


def test_a_report_that_does_not_come_can_be_asked_for_again(page: Any) -> None:
    address = page.url.rstrip("/")
    refuse(page, address).first.get_by_role("button", name="Try again").click()
    page.locator("#lineup .confusion").wait_for()
    assert page.locator(NOTICES).count() == 0


def test_what_was_recorded_and_does_not_come_can_be_asked_for_again(
    visit: Visits, serve_fake: ServeFake, engine: Measured
) -> None:
    """It must not be told of as never recorded."""
    visit.expect("failed: GET .*/figures.json")
    visit.allow("console: .*ERR_FAILED")
    page = visit(serve_fake(engine))
    page.route("**/figures.json", lambda route: route.abort(), times=1)
    page.locator("#tab-lineup").click()
    page.locator(NOTICES, has_text="cannot be reached").get_by_role("button", name="Try again").click()
    page.locator("#lineup .confusion").wait_for()
    assert page.locator(NOTICES).count() == 0
    assert "make bench" not in page.locator("#lineup").inner_text()


def test_real_pictures_are_told_of_the_checkpoints_that_were_measured_on_them_alone(
    visit: Visits, serve_fake: ServeFake, engine: Measured
) -> None:
    sets = json.loads(figures.PLACE.read_text(encoding="utf-8"))["pictures"]["sets"]
    [measured] = [one["networks"]["vgg11"] for one in sets.values() if one["dataset"] == "fashion-mnist"]
    engine.named = measured["digest"]  # of all of its checkpoints
    page = visit(serve_fake(engine), "/#tab=lineup&measured=fashion-mnist")
    panel = page.locator("figure", has=page.get_by_role("heading", name="Outside the test set"))
    cells = panel.locator("details table tbody tr td:last-of-type").all_text_contents
    panel.locator("details").wait_for()
    told = dict(zip(catalog.ARCHITECTURES, cells(), strict=True))
    assert told.pop("vgg11") == f"{measured['accuracy']:.2%}"
    assert set(told.values()) == {"\N{EN DASH}"}
