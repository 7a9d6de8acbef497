"""Whole or not at all."""

import json

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


def test_a_list_of_numbers_is_one_line_and_all_is_what_it_was(tmp_path):
    value = {"a": [1, 2.5, -3e-7], "b": [[1, 2], [3, 4]], "c": ["1", "[\n1, 2]"], "d": [], "e": [None, 1]}
    atomic.write_json(tmp_path / "place", value)
    text = (tmp_path / "place").read_text()
    assert json.loads(text) == value
    assert text.splitlines()[1:6] == [' "a": [1, 2.5, -3e-07],', ' "b": [', "  [1, 2],", "  [3, 4]", " ],"]
