"""The shared look: readable on both grounds, text as text, the same bytes from the same figures."""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import matplotlib as mpl
import pytest
from matplotlib.colors import to_rgb

from models.charts import style

SVG = "{http://www.w3.org/2000/svg}"
WHITE, DARK = "#ffffff", "#111111"


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2.2 defines it."""
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in to_rgb(colour))
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("ground", [WHITE, DARK])
def test_text_has_as_much_contrast_as_one_colour_can_have_on_both(ground: str) -> None:
    best = contrast(WHITE, DARK) ** 0.5
    assert contrast(style.GREY, ground) == pytest.approx(best, rel=0.02)


@pytest.mark.parametrize("ground", [WHITE, DARK])
@pytest.mark.parametrize("colour", style.COLOURS)
def test_colours_stand_out_from_both_grounds(colour: str, ground: str) -> None:
    assert contrast(colour, ground) >= 3


def test_every_colour_has_a_marker_and_a_dash_of_its_own() -> None:
    assert len(set(style.COLOURS)) == len(set(style.MARKERS)) == len(set(style.DASHES)) == len(style.COLOURS)


def drawn(path: Path) -> bytes:
    with style.figure(4, 3) as (fig, ax):
        ax.plot([1, 2, 3], [80, 85, 90], label="costs $5 & <more>")
        ax.set_xlabel("passes")
        ax.set_ylabel("test accuracy, %")
        ax.legend()
    style.save(fig, path)
    return path.read_bytes()


def test_the_same_figures_give_the_same_bytes(tmp_path: Path) -> None:
    assert drawn(tmp_path / "one.svg") == drawn(tmp_path / "two.svg")


def test_text_is_text_and_the_ground_is_transparent(tmp_path: Path) -> None:
    root = ElementTree.fromstring(drawn(tmp_path / "deep" / "chart.svg"))
    told = {"".join(element.itertext()).strip() for element in root.iter(f"{SVG}text")}
    assert {"passes", "test accuracy, %", "costs $5 & <more>"} <= told
    assert "date" not in drawn(tmp_path / "chart.svg").decode().lower()
    ground = next(root.iter(f"{SVG}path"))
    assert "none" in ground.attrib.get("style", "")


def test_powers_of_ten_are_drawn_as_such_and_fonts_fall_back(tmp_path: Path) -> None:
    with style.figure(4, 3) as (fig, ax):
        ax.plot([1, 1e6], [1, 2])
        ax.set_xscale("log")
    style.save(fig, tmp_path / "log.svg")
    drawn = (tmp_path / "log.svg").read_text()
    assert "mathdefault" not in "".join(ElementTree.fromstring(drawn).itertext())
    assert "'DejaVu Sans', Verdana, sans-serif" in drawn


def test_the_look_ends_with_the_figure() -> None:
    before = mpl.rcParams["text.color"]
    with style.figure():
        assert mpl.rcParams["text.color"] == style.GREY
    assert mpl.rcParams["text.color"] == before
