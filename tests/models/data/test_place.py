"""Where commands look for the datasets' own files."""

import argparse
from pathlib import Path

import pytest

from models.data.place import add_data_dir


@pytest.mark.parametrize(
    ("named", "asked", "found"),
    [
        (None, [], "data"),
        ("", [], "data"),
        ("/mnt/sets", [], "/mnt/sets"),
        ("/mnt/sets", ["--data-dir", "here"], "here"),
    ],
)
def test_an_option_comes_before_the_service_s_folder_and_that_before_data(monkeypatch, named, asked, found):
    monkeypatch.delenv("LINEUP_DATA_DIR", raising=False)
    if named is not None:
        monkeypatch.setenv("LINEUP_DATA_DIR", named)
    parser = argparse.ArgumentParser()
    add_data_dir(parser)
    assert parser.parse_args(asked).data_dir == Path(found)
