"""A report is that of one file and no other."""

import json

import pytest

from models.checkpoints import CheckpointError, file_format, reports


@pytest.fixture
def checkpoint(tmp_path):
    place = tmp_path / "lenet.lineup"
    reports.path_for(place).write_text(json.dumps({"digest": "ab", "accuracy": 0.9}))
    return place


def test_the_report_of_a_checkpoint_is_found_by_its_digest(checkpoint):
    assert reports.of(checkpoint, "ab") == {"digest": "ab", "accuracy": 0.9}


@pytest.mark.parametrize("digest", ["cd", None])
def test_a_report_of_another_file_is_none(checkpoint, digest):
    assert reports.of(checkpoint, digest) is None


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", None])
def test_what_is_no_report_is_none(checkpoint, content):
    place = reports.path_for(checkpoint)
    place.unlink() if content is None else place.write_bytes(content)
    assert reports.of(checkpoint, "ab") is None


def test_what_took_the_place_of_a_measured_file_is_told(path):
    digest = file_format.read_header(path)["digest"]
    reports.check_same(path, digest)
    file_format.amend(path, {"created": "by a training that ended"})
    with pytest.raises(CheckpointError, match=r"some\.lineup was replaced while it was measured; .* evaluate it again"):
        reports.check_same(path, digest)


def test_a_curve_is_as_it_was_written(checkpoint):
    curve = {"held_out_n": 1000}
    reports.path_for(checkpoint).write_text(json.dumps({"digest": "ab", "history": curve}))
    assert reports.of(checkpoint, "ab") == {"digest": "ab", "history": curve}


def test_a_report_without_a_digest_belongs_to_no_file(checkpoint):
    reports.path_for(checkpoint).write_text("{}")
    assert reports.of(checkpoint, None) is None
