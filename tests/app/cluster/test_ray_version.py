"""Ray missing or of another series is one line that says which fits."""

import re
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from app.cluster import ray_version

PROJECT = Path(__file__).resolve().parents[3] / "pyproject.toml"


def test_it_is_the_series_of_the_extra() -> None:
    (least, below) = re.findall(r'"ray\[[\w,]+\]>=([\d.]+),<([\d.]+)"', PROJECT.read_text(encoding="utf-8"))[0]
    assert least == ray_version.SERIES
    major, minor = map(int, least.split("."))
    assert below == f"{major}.{minor + 1}"


def test_without_ray_one_line_says_which_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(ray_version, "version", missing)
    with pytest.raises(RuntimeError, match=r"^Ray is not installed; wanted 2\.60; install it: .*\[ray\]'$"):
        ray_version.check()


@pytest.mark.parametrize("found", ["2.6.0", "2.59.1", "3.60.0", "2.601.0"])
def test_another_series_is_named_beside_the_right_one(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_version, "version", lambda name: found)
    with pytest.raises(RuntimeError, match=rf"^Ray is {re.escape(found)}; wanted 2\.60, on every node"):
        ray_version.check()


@pytest.mark.parametrize("found", ["2.60.0", "2.60.3"])
def test_its_own_series_is_fine(found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_version, "version", lambda name: found)
    ray_version.check()


def test_the_ray_that_is_here_fits() -> None:
    pytest.importorskip("ray")
    ray_version.check()
