"""The page's figures of speed and of real pictures are those that were recorded."""

import json
import shutil

import pytest

from models import checkpoints
from models.checkpoints import file_format
from models.datasets import DATASETS
from tools import figures


def test_what_the_page_shows_is_what_is_recorded():
    assert json.loads(figures.PLACE.read_text(encoding="utf-8")) == figures.figures(), "make tables makes them anew"


@pytest.fixture
def record(tmp_path, monkeypatch):
    """A folder with a copy of the recorded speed, where figures are made from."""
    (tmp_path / "bench").mkdir()
    shutil.copy(figures.ROOT / "bench" / "serving.json", tmp_path / "bench")
    monkeypatch.setattr(figures, "ROOT", tmp_path)
    return tmp_path / "bench" / "serving.json"


def test_another_record_has_other_figures(record):
    told = json.loads(record.read_text())
    told["servers"]["lineup"]["networks"]["lenet"]["lone"]["p50_ms"] = 123.4
    told["servers"]["lineup"]["networks"]["nin"] = {"error": "did not start"}
    told["servers"]["lineup"]["networks"]["vgg11"]["lone"]["per_second"] = 1e6
    record.write_text(json.dumps(told))
    networks = figures.figures()["speed"]["networks"]
    assert (networks["vgg11"]["per_second"], networks["vgg11"]["clients"]) == (1e6, 1)
    assert networks["lenet"]["lone_ms"] == 123.4
    assert networks["lenet"]["clients"] == 16
    assert "nin" not in networks


def test_a_record_that_is_not_there_has_no_figures(record):
    record.unlink()
    assert figures.figures()["speed"] is None


def test_a_network_that_is_another_now_has_no_share_of_real_pictures(record, tmp_path, monkeypatch):
    weights = tmp_path / "weights"
    shutil.copytree(checkpoints.root(), weights)
    monkeypatch.setenv("LINEUP_WEIGHTS", str(weights))
    before = figures.figures()["pictures"]["sets"]
    file_format.amend(weights / "mnist/nin.lineup", {"created": "another day"})
    for name, told in figures.figures()["pictures"]["sets"].items():
        assert set(before[name]["networks"]) - set(told["networks"]) == (
            {"nin"} if told["dataset"] == "mnist" else set()
        )


def test_a_share_of_real_pictures_names_the_checkpoint_that_it_is_of():
    for told in figures.figures()["pictures"]["sets"].values():
        for network, share in told["networks"].items():
            header = checkpoints.read_header(checkpoints.path_for(told["dataset"], network, checkpoints.root()))
            assert share["digest"] == header["digest"]
            assert 0 < share["accuracy"] <= 1


def test_only_real_pictures_count_as_such():
    sets = figures.figures()["pictures"]["sets"]
    assert sets
    assert not [name for name in sets if name.endswith(" test")]
    assert {told["dataset"] for told in sets.values()} <= set(DATASETS)
