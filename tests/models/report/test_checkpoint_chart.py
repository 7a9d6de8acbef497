"""The drawing of a checkpoint of which little is recorded: what is there is seen, what is not has no figure."""

import xml.etree.ElementTree as ElementTree
from dataclasses import replace

from models.report import checkpoint_chart
from tests.models.report.drawings import SVG, taken, words


def marks_of_loss(path):
    """How many markers the lines of the loss have, by their colour."""
    drawn = [element.attrib.get("style", "") for element in ElementTree.parse(path).getroot().iter(f"{SVG}use")]
    return sum(f"fill: {checkpoint_chart.ORANGE}" in style for style in drawn)


def test_the_loss_of_a_single_epoch_is_seen(weights, tmp_path):
    one = taken(weights)
    curve = {name: column[:1] if isinstance(column, list) else column for name, column in one.report["history"].items()}
    checkpoint_chart.draw(one, tmp_path / "three.svg")
    checkpoint_chart.draw(replace(one, report={**one.report, "history": curve}), tmp_path / "one.svg")
    assert marks_of_loss(tmp_path / "three.svg") == 2, "of the third epoch none is recorded"
    assert marks_of_loss(tmp_path / "one.svg") == 1


def test_a_class_of_which_no_picture_was_looked_at_has_no_share(weights, tmp_path):
    one = taken(weights)
    matrix = [[0] * 10, *one.report["confusion"][1:]]
    checkpoint_chart.draw(replace(one, report={**one.report, "confusion": matrix}), tmp_path / "one.svg")
    shown = words(tmp_path / "one.svg")
    assert "0: -" in shown
    assert not [text for text in shown if text.startswith("0: ") and text.endswith("%")]
