"""Studies so small that one runs in a second, on pictures that the tests make."""

from __future__ import annotations

import pytest

from models.studies import runs
from tests.idx import write_dataset


@pytest.fixture(scope="package")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    write_dataset(folder, "fashion-mnist", train=120, test=40)
    return folder


@pytest.fixture(scope="package")
def data(data_dir):
    return runs.Data.load(data_dir)
