"""Whole or not at all."""

import pytest

from models.checkpoints import atomic


def test_a_copy_takes_the_place_of_a_file(tmp_path):
    source, place = tmp_path / "source", tmp_path / "below" / "place"
    for content in (b"first", b"second, and longer"):
        source.write_bytes(content)
        atomic.copy(source, place)
        assert place.read_bytes() == content
    assert [*place.parent.iterdir()] == [place]
    assert place.stat().st_mode & 0o777 == 0o644


def test_whoever_reads_the_old_file_goes_on_reading_it(tmp_path):
    source, place = tmp_path / "source", tmp_path / "place"
    source.write_bytes(b"new")
    place.write_bytes(b"old")
    with place.open("rb") as reader:
        atomic.copy(source, place)
        assert reader.read() == b"old"
    assert place.read_bytes() == b"new"


def test_what_fails_on_the_way_leaves_all_as_it_was(tmp_path):
    place = tmp_path / "place"
    place.write_bytes(b"old")

    def stop_half_way():
        with atomic.replacing(place) as file:
            file.write(b"half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop_half_way()
    with pytest.raises(FileNotFoundError):
        atomic.copy(tmp_path / "gone", place)
    assert place.read_bytes() == b"old"
    assert [*tmp_path.iterdir()] == [place]
