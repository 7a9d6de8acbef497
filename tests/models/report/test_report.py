"""All drawings of a report: of checkpoints with every part and with none, legible, the same bytes each time."""

import json
import re
import shutil
import xml.etree.ElementTree as ElementTree

import pytest

from models import catalog, checkpoints
from models.charts import style
from models.checkpoints import file_format
from models.datasets import DATASETS
from models.report import __main__ as report
from models.report import checkpoint_chart, index, material, pareto, robustness_chart
from models.report.material import SPEED
from tests.fakes import WEIGHTS
from tests.models.report.drawings import SVG, told, words

WHITE, DARK = (1.0, 1.0, 1.0), (0x11 / 255,) * 3


@pytest.fixture(scope="module")
def drawn(weights, speed_file, data_dir, tmp_path_factory):
    """The folder of a whole report."""
    folder = tmp_path_factory.mktemp("report")
    out, sheets = str(folder / "out"), str(folder / "sheets")
    asked = ["--weights", str(weights), "--speed", str(speed_file), "--data-dir", str(data_dir)]
    assert report.main([*asked, "--out", out, "--sheets", sheets]) == 0
    return folder / "out"


def test_there_is_a_drawing_of_every_checkpoint_and_two_of_every_dataset_all_on_the_index(drawn):
    wanted = {
        f"{dataset}-{name}.svg" for dataset in DATASETS for name in (*catalog.ARCHITECTURES, "pareto", "robustness")
    }
    assert {path.name for path in drawn.iterdir()} == {*wanted, "README.md"}
    shown = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", (drawn / "README.md").read_text())
    assert sorted(shown) == sorted(wanted)


def test_a_checkpoint_with_all_parts_shows_them_with_axes_and_units(drawn):
    shown = words(drawn / "mnist-lenet.svg")
    assert {
        "Learning curve",
        "training pictures seen, millions",
        "right of 5 to 10 held-out pictures, %",
        "training loss, nats",
        "Confusion matrix, 60 test pictures",
        "what the network said",
        "share of the class, %",
        "confidence, %",
        "share, %",
    } <= shown
    assert any(one.startswith("Reliability: ECE ") for one in shown)
    assert not [one for one in shown if "not recorded" in one]


def test_a_checkpoint_without_a_report_and_one_that_is_not_there_name_the_commands(drawn):
    for dataset, name in (("mnist", "nin"), ("fashion-mnist", "vgg11")):
        shown = told(drawn / f"{dataset}-{name}.svg")
        assert shown.count("not recorded:") == 3
        assert "lineup train" in shown
        assert f"--model {name} --dataset {dataset}" in shown
        assert "lineup evaluate" in shown


def draw_mnist(root, speed, out):
    """The three drawings that MNIST's LeNet is in, of eighteen."""
    out.mkdir()
    mnist = [one for one in material.gather(root) if one.dataset.name == "mnist"]
    lenet = next(one for one in mnist if one.architecture.name == "lenet")
    checkpoint_chart.draw(lenet, out / index.of_checkpoint(lenet))
    pareto.draw(mnist, speed, out / index.of_costs("mnist"))
    robustness_chart.draw(mnist, out / index.of_robustness("mnist"))


def test_a_reliability_that_an_older_report_lacks_is_named_with_what_adds_it(weights, tmp_path):
    root = shutil.copytree(weights, tmp_path / "weights")
    place = root / "mnist" / "lenet.json"
    kept = {key: value for key, value in json.loads(place.read_text()).items() if key not in ("reliability", "history")}
    place.write_text(json.dumps(kept))
    draw_mnist(root, None, tmp_path / "out")
    shown = told(tmp_path / "out" / "mnist-lenet.svg")
    assert "lineup evaluate --mistakes" in shown
    assert shown.count("not recorded:") == 2
    assert "make bench" in told(tmp_path / "out" / "mnist-pareto.svg")


def test_what_accuracy_costs_is_shown_of_those_that_were_measured(drawn):
    shown = words(drawn / "mnist-pareto.svg")
    assert {
        "parameters",
        "multiply-adds a picture",
        "a request that comes alone, asked of MNIST, ms",
        "LeNet-5, 1998",
    } <= shown
    assert "NiN, 2013" not in shown, "it has no report"
    assert "lineup evaluate --all" in told(drawn / "fashion-mnist-pareto.svg")


def test_spoiled_pictures_are_shown_with_the_unit_of_their_strength(drawn):
    assert {"rotated", "degrees", "inverted", "share of the way to the negative"} <= words(
        drawn / "mnist-robustness.svg"
    )
    assert "--robustness --all" in told(drawn / "fashion-mnist-robustness.svg")


def test_records_of_another_checkpoint_are_not_shown(weights, speed_file, tmp_path):
    root = shutil.copytree(weights, tmp_path / "weights")
    file_format.amend(checkpoints.path_for("mnist", "lenet", root), {"note": "another digest"})
    draw_mnist(root, material.speed(speed_file), tmp_path / "out")
    assert told(tmp_path / "out" / "mnist-lenet.svg").count("not recorded:") == 3
    assert "not recorded" in told(tmp_path / "out" / "mnist-robustness.svg")
    assert "not recorded" in told(tmp_path / "out" / "mnist-pareto.svg")


def test_the_same_records_give_the_same_bytes(drawn, weights, speed_file, tmp_path):
    report.draw(material.gather(weights), material.speed(speed_file), tmp_path)
    for path in drawn.iterdir():
        assert (tmp_path / path.name).read_bytes() == path.read_bytes(), path.name


def luminance(colour):
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", [WHITE, DARK])
def test_all_text_is_legible_on_white_and_on_black(drawn, ground):
    """Large text wants 3 to 1 and other text 4.5 (WCAG 2.2, 1.4.3), of which one colour can have 4.35 on both grounds:
    axes in their lines' colours have 3 at least, all else that.
    """
    for path in drawn.glob("*.svg"):
        texts = list(ElementTree.parse(path).getroot().iter(f"{SVG}text"))
        assert texts, path.name
        for element in texts:
            colour = re.search(r"fill: #([0-9a-f]{6})", element.attrib["style"])
            assert colour, f"{path.name}: {element.attrib['style']} would be black"
            rgb = tuple(int(colour[1][k : k + 2], 16) / 255 for k in (0, 2, 4))
            own = f"#{colour[1]}" in style.COLOURS
            assert contrast(rgb, ground) >= (3 if own else 4.3), (path.name, "".join(element.itertext()))


def test_drawings_are_small(drawn):
    sizes = {path.name: path.stat().st_size for path in drawn.glob("*.svg")}
    assert max(sizes.values()) < 100_000, sizes  # each stays in the history for ever


def test_no_ground_is_painted(drawn):
    for path in drawn.glob("*.svg"):
        root = ElementTree.parse(path).getroot()
        assert not list(root.iter(f"{SVG}image"))
        ground = next(root.iter(f"{SVG}path"))
        assert "none" in ground.attrib["style"]


def test_the_index_tells_accuracy_with_its_range_and_the_machine(drawn):
    page = (drawn / "README.md").read_text()
    row = next(line for line in page.splitlines() if line.startswith("| LeNet-5"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["44.4 k", "282 k", "1.5"]
    low, high = (float(part) for part in cells[5].split(" to "))
    assert low < float(cells[4].rstrip(" %")) < high
    assert cells[6] == "60"
    assert "that comes alone: asked of MNIST, 3 cores of an Abacus, 28x28 PNG, 2026-01-02." in page
    assert next(line for line in page.splitlines() if line.startswith("| VGG-11")).endswith("| - | - | - | - | - |")


def test_the_line_joins_what_nothing_beats_at_both():
    points = [(3.0, 90.0), (1.0, 80.0), (2.0, 79.0), (1.0, 81.0), (4.0, 90.0), (5.0, 91.0)]
    assert pareto.front(points) == [(1.0, 81.0), (3.0, 90.0), (5.0, 91.0)]


def test_without_a_folder_of_checkpoints_it_says_so(tmp_path, capsys):
    assert report.main(["--weights", str(tmp_path / "none")]) == 1
    assert "no folder of checkpoints" in capsys.readouterr().out


def test_the_index_that_ships_is_of_what_is_recorded():
    shown = index.text(material.gather(WEIGHTS), material.speed(SPEED))
    assert (WEIGHTS / "report" / index.NAME).read_text(encoding="utf-8") == shown, "make report makes it anew"
    for name in re.findall(r"\]\((\S+\.svg)\)", shown):
        assert (WEIGHTS / "report" / name).is_file(), name
