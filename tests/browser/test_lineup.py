"""The line-up: charts, tables and confusion matrix show what the service measured, and say what nobody measured."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from scipy.stats import binomtest

from app.main import create_app
from models import catalog
from models.datasets import DATASETS
from tests.browser.conftest import ServeFake
from tests.browser.recorded import CURVE, EPOCHS, MISTAKES, RELIABILITY, ROBUSTNESS, SHARES, TEST_SET, Measured, report
from tests.browser.visits import Visits, look, soon
from tests.fakes import fake_service
from tests.idx import write_dataset
from tests.serving import running

pytestmark = pytest.mark.browser

AXE = next((Path(__file__).parent / "vendor").glob("axe-core-*/axe.min.js"))
FRONT = ["LeNet-5", "DenseNet", "ResNet-18"]  # by parameters: none is both smaller and more often right
# What can be used and is too small for a finger: WCAG 2.2, 2.5.8.
SMALL = """[...document.querySelectorAll('#lineup :is(button, select, summary)')].filter((one) => {
  const {width, height} = one.getBoundingClientRect();
  return Math.min(width, height) < 24;
}).map((one) => one.textContent)"""


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reports of all networks, with mistakes and a learning curve for LeNet alone; and the test pictures."""
    folder = tmp_path_factory.mktemp("lineup")
    for dataset in DATASETS:
        weights = folder / "weights" / dataset
        weights.mkdir(parents=True)
        for name in catalog.ARCHITECTURES:
            more = {"mistakes": MISTAKES, "history": CURVE, "reliability": RELIABILITY} if name == "lenet" else {}
            (weights / f"{name}.json").write_text(json.dumps(report(**more)))
        (weights / "lenet.robustness.json").write_text(json.dumps(ROBUSTNESS))
        write_dataset(folder / "data", dataset, train=1, test=TEST_SET)
    return folder


def measured(place: Path) -> Measured:
    engine = Measured()
    engine.folder = place / "weights"
    return engine


@pytest.fixture(scope="module")
def lineup(place: Path) -> Iterator[str]:
    with running(create_app(service=fake_service(measured(place), data_dir=place / "data"))) as port:
        yield f"http://127.0.0.1:{port}"


def opened(visit: Visits, address: str, state: str = "", **options: Any) -> Any:
    page = visit(address, f"/#tab=lineup{state}", **options)
    page.wait_for_selector("#lineup .confusion")
    return page


def rows(page: Any, panel: str) -> list[list[str]]:
    """The cells of a chart's table."""
    table = page.locator("figure", has=page.get_by_role("heading", name=panel)).locator("details table tbody tr")
    return [row.locator("th, td").all_text_contents() for row in table.all()]


def test_accuracy_is_told_oldest_first_with_the_range_that_the_number_of_pictures_gives(
    visit: Visits, lineup: str
) -> None:
    page = opened(visit, lineup)
    told = rows(page, "Clothing: Fashion-MNIST")
    assert [row[0] for row in told] == [catalog.find(name).title for name in catalog.ARCHITECTURES]
    for row, share in zip(told, SHARES.values(), strict=True):
        known = binomtest(round(10_000 * share), 10_000).proportion_ci(0.95, "wilson")
        assert row[2:] == [f"{share:.2%}", f"{known.low:.2%}\N{EN DASH}{known.high:.2%}", "10,000"]
    chart = page.locator("figure", has=page.get_by_role("heading", name="Clothing: Fashion-MNIST")).locator("> svg")
    assert "84.00%" in chart.text_content()
    assert "ResNet-18 is right most often: 91.82%" in chart.get_attribute("aria-label")
    marks = [mark.bounding_box()["x"] for mark in chart.locator("circle").all()]
    places = range(len(SHARES))
    assert sorted(places, key=marks.__getitem__) == sorted(places, key=[*SHARES.values()].__getitem__)


def test_what_is_both_dearer_and_worse_than_another_is_not_on_the_line(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup)
    size = page.locator("figure", has=page.get_by_role("heading", name="Size"))
    assert size.locator("circle.best").count() == len(FRONT)
    assert size.locator("text.strong").all_text_contents() == FRONT[:1] + FRONT[:0:-1]  # in the order of the years
    assert rows(page, "Size")[2][:2] == ["NiN", f"{catalog.find('nin').parameters:,}"]
    time = page.locator("figure", has=page.get_by_role("heading", name="Time"))
    assert re.search(r"measured 20\d\d-\d\d-\d\d on \d+ cores of an .*onnxruntime \d", time.text_content())


def test_choices_are_in_the_address_and_the_address_brings_them_back(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup)
    page.select_option("#measured", "mnist")
    page.select_option("#measured-network", "lenet")
    page.get_by_role("button", name="3 taken for 8: 60").click()
    page.wait_for_selector(".mistakes img")
    assert page.evaluate("location.hash") == "#tab=lineup&measured=mnist&network=lenet&cell=3-8"
    again = visit(lineup, "/" + page.evaluate("location.hash"))
    again.wait_for_selector(".mistakes img")
    assert again.locator("#measured").input_value() == "mnist"
    assert again.get_by_role("heading", name="What LeNet").is_visible()
    page.go_back()
    assert page.locator("#measured-network").input_value() == "resnet18"


def test_a_field_opens_the_test_pictures_behind_it_part_by_part(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup, "&network=lenet&measured=mnist")
    field = page.get_by_role("button", name="3 taken for 8: 60")
    field.click()
    page.wait_for_selector(".mistakes img")
    assert page.locator("#mistakes h4").text_content() == "3 taken for 8: 60"
    assert field.get_attribute("aria-expanded") == "true"
    assert page.locator(".mistakes img").count() == 40
    assert page.locator(".mistakes img").first.evaluate("image => image.naturalWidth") == 28
    page.get_by_role("button", name="20 more").click()
    assert soon(page, lambda: page.locator(".mistakes img").count() == 60)
    last = page.locator(".mistakes img").last
    assert last.get_attribute("alt") == "Picture 593 of the test set"
    page.get_by_role("button", name="5 taken for 6: 2").click()
    assert soon(page, lambda: page.locator(".mistakes img").count() == 2)
    page.get_by_role("button", name="5 taken for 6: 2").click()
    assert soon(page, lambda: page.locator(".mistakes img").count() == 0)
    assert "cell" not in page.evaluate("location.hash")


def test_arrow_keys_go_from_field_to_field_and_tab_stops_once(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup, "&network=lenet&measured=mnist")
    assert page.locator('.confusion button[tabindex="0"]').count() == 1
    page.locator('.confusion button[tabindex="0"]').focus()
    page.keyboard.press("ArrowDown")  # nothing is wrong below in that column
    assert page.evaluate("document.activeElement.dataset.cell") == "3-8"
    page.get_by_role("button", name="5 taken for 6: 2").focus()
    page.keyboard.press("Enter")
    assert soon(page, lambda: page.locator(".mistakes img").count() == 2)
    assert page.evaluate("document.activeElement.dataset.cell") == "5-6"


def test_a_learning_curve_is_drawn_and_told_epoch_by_epoch(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup, "&network=lenet&measured=mnist")
    told = rows(page, "learned: accuracy")
    assert len(told) == EPOCHS
    assert told[8] == ["1", "2", "1", "495,000", "554", "0.002", "0.222", "97.89%"]
    loss = page.locator("figure", has=page.get_by_role("heading", name="learned: loss"))
    assert loss.locator("line.phase").count() == 1
    heights = [dot.bounding_box()["y"] for dot in loss.locator("circle").all()]
    assert heights == sorted(heights), "the loss only falls"


def test_a_reliability_diagram_has_a_dot_for_each_bin_that_has_answers(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup, "&network=lenet&measured=mnist")
    told = rows(page, "How sure LeNet")
    known = binomtest(14, 20).proportion_ci(0.95, "wilson")
    assert told[0] == ["50.00%", "70.00%", f"{known.low:.2%}\N{EN DASH}{known.high:.2%}", "20"]
    assert [row[0] for row in told] == ["50.00%", "97.00%"]
    chart = page.locator("figure", has=page.get_by_role("heading", name="How sure LeNet")).locator("> svg")
    first, second = (dot.bounding_box() for dot in chart.locator("circle").all())
    assert first["x"] < second["x"]
    assert first["y"] > second["y"], "what is right more often stands higher"


def test_spoiled_pictures_are_told_by_strength_and_what_the_page_does_not_know_by_its_name(
    visit: Visits, lineup: str
) -> None:
    page = opened(visit, lineup, "&network=lenet&measured=mnist")
    told = rows(page, "spoiled pictures")
    assert [row[:3] for row in told] == [
        ["rotated", "10 degrees", "85.00%"],
        ["rotated", "20 degrees", "40.00%"],
        ["smeared", "0.5 butter", "62.50%"],
    ]
    chart = page.locator("figure", has=page.get_by_role("heading", name="spoiled pictures")).locator("> svg")
    marks = chart.locator("g.mark").all_text_contents()
    assert [mark.strip() for mark in marks[:3]] == ["not spoiled: 90.00%", "10 degrees: 85.00%", "20 degrees: 40.00%"]


def test_what_nobody_measured_says_which_command_does(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup, "&network=nin&measured=mnist")
    commands = page.locator(".missing code").all_text_contents()
    assert "lineup train --model nin --dataset mnist" in commands
    assert "lineup evaluate --mistakes --model nin --dataset mnist" in commands
    assert "lineup evaluate --robustness --model nin --dataset mnist" in commands
    assert not visit.asked("/mistakes?"), "what cannot be had is not asked for"


def test_without_the_test_pictures_it_says_what_brings_them(visit: Visits, serve_fake: ServeFake, place: Path) -> None:
    page = opened(
        visit, serve_fake(measured(place), data_dir=place / "nowhere"), "&network=lenet&measured=mnist&cell=3-8"
    )
    assert "are not in LINEUP_DATA_DIR" in page.locator("#mistakes").text_content()
    assert "lineup evaluate --mistakes --model lenet" in page.locator("#mistakes code").text_content()


def test_while_the_service_loads_it_says_so_and_goes_on_by_itself(
    visit: Visits, serve_fake: ServeFake, place: Path
) -> None:
    engine = measured(place)
    engine.load_gate.clear()
    visit.allow("503")
    page = visit(serve_fake(engine, data_dir=place / "data"), "/#tab=lineup")
    page.wait_for_selector("#lineup .panel")
    assert page.locator("#lineup").get_by_text("loading …").count() == len(DATASETS) * len(catalog.ARCHITECTURES)
    engine.load_gate.set()
    page.wait_for_selector("#lineup .confusion")
    assert page.locator("#lineup").get_by_text("loading …").count() == 0


@pytest.mark.parametrize(
    ("width", "scheme", "locale"),
    [(360, "light", "en"), (360, "dark", "zh"), (768, "light", "zh"), (1440, "dark", "en")],
)
def test_it_fits_can_be_touched_and_axe_finds_nothing_serious(
    visit: Visits, lineup: str, width: int, scheme: str, locale: str
) -> None:
    page = opened(visit, lineup, "&network=lenet&cell=3-8", size=(width, 900), scheme=scheme, locale=locale)
    page.wait_for_selector(".mistakes img")
    page.evaluate("for (const one of document.querySelectorAll('#lineup details')) one.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert "lineup." not in page.locator("#lineup").inner_text(), "every text has its words"
    assert page.evaluate(SMALL) == []
    page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("axe.run('#lineup', {resultTypes: ['violations']})")["violations"]
    assert [one["id"] for one in found if one["impact"] in ("serious", "critical")] == []
    look(page, f"lineup-{width}-{scheme}-{locale}")


def test_scales_hold_every_value_and_end_at_a_tick(visit: Visits, lineup: str) -> None:
    page = opened(visit, lineup)
    script = """async ([kind, values, most]) => {
      const scale = (await import('/static/page/js/axes.js'))[kind](values, 0, 100, {count: 4, most});
      return {ticks: scale.ticks, places: values.map(scale.of)};
    }"""
    for values in ([0.9765, 0.9958], [0.84, 0.9182], [0.5], [3, 700_000], [0.999, 1.0]):
        told = page.evaluate(script, ["linear", values, 1 if max(values) <= 1 else 1e9])
        assert len(told["ticks"]) >= 2
        assert told["ticks"][0] <= min(values)
        assert told["ticks"][-1] >= max(values)
        assert max(values) > 1 or told["ticks"][-1] <= 1, "no share is beyond 100%"
    told = page.evaluate(script, ["logarithmic", [61_000, 128_000_000], None])
    assert told["ticks"] == [100_000, 1_000_000, 10_000_000, 100_000_000]
    assert 0 < told["places"][0] < told["places"][1] < 100
