"""Where the report finds milliseconds, and what it says of a file that has none."""

import pytest

from models import catalog
from models.report import __main__ as report
from models.report import material
from models.report.material import SPEED


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (None, "cannot read {}: No such file or directory"),
        ("{", "{} does not tell"),
        ("[1]", "{} does not tell"),
        ('{"pictures": null}', "{} does not tell"),
        ('{"speed": {"networks": {}}}', "{} does not tell"),
    ],
)
def test_figures_of_speed_that_cannot_be_had_are_told_and_nothing_is_drawn(weights, tmp_path, capsys, content, wrong):
    path = tmp_path / "figures.json"
    if content:
        path.write_text(content)
    assert report.main(["--weights", str(weights), "--speed", str(path), "--out", str(tmp_path / "out")]) == 1
    said = capsys.readouterr().out
    assert said.startswith(wrong.format(path))
    assert "wanted the figures of the page, as `python -m tools.figures` writes them" in said
    assert not (tmp_path / "out").exists()


def test_speed_that_nobody_measured_is_no_speed(tmp_path):
    (tmp_path / "figures.json").write_text('{"speed": null}')
    assert material.speed(tmp_path / "figures.json") is None


def test_the_figures_of_speed_are_found_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert material.speed(SPEED) is not None


def test_what_is_recorded_of_speed_is_what_the_page_shows():
    found = material.speed(SPEED)
    assert found is not None
    assert set(found.milliseconds) <= set(catalog.ARCHITECTURES)
